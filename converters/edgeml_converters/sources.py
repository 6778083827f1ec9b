"""Where a model comes from: a callable, an exported program, TorchScript, Keras or a SavedModel."""

import re
import zipfile
from pathlib import Path
from typing import Literal

from edgeml import digests
from edgeml.documents import Strict
from edgeml.errors import InputError

Kind = Literal["module", "file", "exported-program", "torchscript", "keras", "saved-model"]

_SUFFIXES: dict[str, Kind] = {
    ".pt2": "exported-program",
    ".pt": "torchscript",
    ".pth": "torchscript",
    ".ts": "torchscript",
    ".keras": "keras",
}
_CALLABLE = re.compile(r"(?P<where>.+):(?P<attribute>[A-Za-z_]\w*)")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
FORMS = (
    "module:callable, file.py:callable, a .pt2 program, a TorchScript .pt, a .keras file or a "
    "SavedModel folder"
)


class Source(Strict, frozen=True, kw_only=True):
    """location: a module's name, or the absolute path of a file or folder.

    attribute: the callable that returns the model; empty for files that hold a model themselves.
    label: the source as reports name it, without the folders of this machine.
    """

    kind: Kind
    location: str
    label: str
    attribute: str = ""

    @property
    def path(self) -> Path | None:
        """The file or folder, None for a module."""
        return None if self.kind == "module" else Path(self.location)

    def sha256(self) -> str | None:
        """Of the file, or of the sorted digests of a folder's files; None for a module."""
        path = self.path
        if path is None:
            return None
        if path.is_file():
            return digests.sha256_file(path)
        files = sorted(
            f"{digests.sha256_file(file)} {file.relative_to(path).as_posix()}\n"
            for file in path.rglob("*")
            if file.is_file()
        )
        return digests.sha256("".join(files).encode())


def parse(text: str) -> Source:
    """What `text` on the command line names; raises InputError when it is no source of a model."""
    path = Path(text)
    if path.is_dir():
        return _folder(path)
    if path.is_file():
        return _file(path)
    match = _CALLABLE.fullmatch(text)
    if match is None:
        raise InputError(f"There is no model at {text}; SOURCE is {FORMS}.")
    where, attribute = match["where"], match["attribute"]
    if where.endswith(".py"):
        file = Path(where)
        if not file.is_file():
            raise InputError(f"There is no Python file {where}; SOURCE is {FORMS}.")
        return Source(
            kind="file",
            location=str(file.resolve()),
            attribute=attribute,
            label=f"{file.name}:{attribute}",
        )
    if not _MODULE.fullmatch(where):
        raise InputError(f"{where!r} is neither a file nor a module's name; SOURCE is {FORMS}.")
    return Source(kind="module", location=where, attribute=attribute, label=text)


def _folder(path: Path) -> Source:
    if not (path / "saved_model.pb").is_file():
        raise InputError(
            f"The folder {path} holds no saved_model.pb, so it is no SavedModel; SOURCE is {FORMS}."
        )
    return Source(kind="saved-model", location=str(path.resolve()), label=path.resolve().name)


def _file(path: Path) -> Source:
    if path.suffix == ".py":
        raise InputError(f"{path} needs the callable that returns the model: {path}:NAME.")
    kind = _SUFFIXES.get(path.suffix)
    if kind is None:
        raise InputError(f"{path} is of no known kind; SOURCE is {FORMS}.")
    if not zipfile.is_zipfile(path):
        raise InputError(
            f"{path} is not a whole {path.suffix} file (no zip archive); save the model again."
        )
    if kind == "torchscript" and not _holds_code(path):
        raise InputError(
            f"{path} holds no TorchScript code, only pickled objects, which are not loaded; save "
            "it with torch.export.save or torch.jit.save, or name a callable that builds the model."
        )
    return Source(kind=kind, location=str(path.resolve()), label=path.name)


def _holds_code(path: Path) -> bool:
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())
