"""Files and folders under DVC: what is here is what DVC recorded, or it is refused.

DVC records a file's md5 in FILE.dvc (`dvc add`) or in dvc.lock (an output of a stage). A folder's
is the md5 of the JSON list of its files, with ".dir" behind it.
https://dvc.org/doc/user-guide/project-structure
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edgeml.errors import InputError
from edgeml_converters.sources.registries import yaml_file


class _Output(msgspec.Struct):
    path: str
    md5: str | None = None


class _Tracked(msgspec.Struct):
    """FILE.dvc"""

    outs: list[_Output] = []
    wdir: str = "."


class _Stage(msgspec.Struct):
    outs: list[_Output] = []


class _Lock(msgspec.Struct):
    """dvc.lock"""

    stages: dict[str, _Stage] = {}


def verify(path: Path) -> str:
    """The md5 that DVC recorded for `path`, or for the folder above it that DVC tracks as a whole.

    Raises InputError when DVC does not track it, when it is missing, or when its md5 is another.
    """
    place = Path(os.path.abspath(path))
    tracked, md5 = _recorded(place, path)
    if not tracked.exists() or not place.exists():
        raise InputError(f"{path} is under DVC but not here; run 'dvc pull {path}'.")
    actual = _folder_md5(tracked) if md5.endswith(".dir") else _file_md5(tracked)
    if actual != md5:
        what = path if tracked == place else os.path.relpath(tracked)
        raise InputError(
            f"{what} has md5 {actual}, but DVC recorded {md5}; run 'dvc checkout {what}' for the "
            f"recorded one or 'dvc commit {what}' to record this one."
        )
    return md5


def _recorded(place: Path, named: Path) -> tuple[Path, str]:
    """The tracked file or folder that is or holds `place`, and its md5."""
    for tracked in (place, *place.parents):
        for output, md5 in _outputs(tracked):
            if output != tracked:
                continue
            if md5 is None:
                raise InputError(
                    f"DVC records no md5 for {named}, so it cannot be verified; run 'dvc commit "
                    f"{named}'."
                )
            return tracked, md5
    raise InputError(
        f"DVC does not track {named}: there is no {named}.dvc and no dvc.lock that names it; run "
        f"'dvc add {named}', or name the file without dvc:."
    )


def _outputs(tracked: Path) -> Iterator[tuple[Path, str | None]]:
    """The outputs and their md5 in the .dvc file beside `tracked` and in every dvc.lock above."""
    beside = tracked.with_name(f"{tracked.name}.dvc") if tracked.name else None
    if beside is not None and beside.is_file():
        file = yaml_file.read(beside, _Tracked)
        for output in file.outs:
            yield _join(beside.parent / file.wdir, output), output.md5
    for folder in tracked.parents:
        if (folder / "dvc.lock").is_file():
            for stage in yaml_file.read(folder / "dvc.lock", _Lock).stages.values():
                for output in stage.outs:
                    yield _join(folder, output), output.md5


def _join(folder: Path, output: _Output) -> Path:
    return Path(os.path.abspath(folder / output.path))


def _file_md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def _folder_md5(folder: Path) -> str:
    files = sorted(
        (file.relative_to(folder).as_posix(), file) for file in folder.rglob("*") if file.is_file()
    )
    listed = [{"md5": _file_md5(file), "relpath": name} for name, file in files]
    text = json.dumps(listed, sort_keys=True).encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest() + ".dir"
