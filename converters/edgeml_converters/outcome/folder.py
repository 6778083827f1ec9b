"""The folder of a conversion: written as a whole or not at all."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

from edgeml import atomic, documents
from edgeml.conversion import ConversionReport
from edgeml.errors import EdgemlError, InputError
from edgeml.manifest import Format

REPORT = "report.json"


def check(out: Path) -> None:
    """Raises InputError when `out` cannot be replaced, or holds something other than an earlier
    conversion."""
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"{out} is a file; name a folder for the conversion.")
    place = out.resolve()
    if place.is_mount() or place == Path.cwd():
        what = "a disk of its own" if place.is_mount() else "the folder that you are in"
        raise InputError(f"{out} is {what} and would be replaced; name a new folder in it.")
    if any(out.iterdir()) and not _is_conversion(out):
        raise InputError(
            f"{out} holds other files than a conversion's; name a new folder, since it would be "
            "replaced."
        )


def _is_conversion(folder: Path) -> bool:
    try:
        documents.decode((folder / REPORT).read_bytes(), ConversionReport, REPORT)
    except (OSError, EdgemlError):
        return False
    return True


@contextmanager
def building(out: Path) -> Generator[Path]:
    """A folder beside `out` that takes its place when the block ends without an error.

    Raises InputError as `check` does, StorageError when the disk does not take it.
    """
    check(out)
    out = out.resolve()  # a link to a folder stays one
    built: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _clear_up(out)
        built = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        built.chmod(0o755)
        with _held(built):
            yield built
        old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent))
        try:
            if out.exists():
                out.rename(old / out.name)
            built.rename(out)
        finally:
            shutil.rmtree(old, ignore_errors=True)
        atomic.sync_folder(out.parent)
    except OSError as error:
        raise atomic.storage_error(out, error) from error
    finally:
        if built is not None:
            shutil.rmtree(built, ignore_errors=True)


_RANDOM = "[a-z0-9_]" * 8  # as tempfile ends a name
_FRESH_SECONDS = 60.0


@contextmanager
def _held(folder: Path) -> Generator[None]:
    """Locked while somebody builds in it, however that ends; as far as the disk has locks."""
    place = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(place)


def _clear_up(out: Path) -> None:
    """Removes what killed conversions to `out` left beside it, and puts back what one had moved
    out of its own way."""
    left = out.parent.glob(f".{escape(out.name)}.{_RANDOM}")
    moved = out.parent.glob(f".{escape(out.name)}.old.{_RANDOM}")
    for folder in (*left, *moved):
        with suppress(OSError):  # as where somebody builds in it
            if time.time() - folder.stat().st_mtime < _FRESH_SECONDS:
                continue  # or may be about to
            place = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if folder.name.startswith(f".{out.name}.old.") and not out.exists():
                    (folder / out.name).rename(out)
                shutil.rmtree(folder)
            finally:
                os.close(place)


def copy_files(folder: Path, place: Path) -> None:
    """Copies the files of a variant; one after another, so that an error names the file."""
    place.mkdir(parents=True)
    for file in sorted(folder.iterdir()):
        shutil.copyfile(file, place / file.name)


def keep_reference(folder: Path, target: Format, build: Path) -> None:
    """Copies the float file of quantised variants to `build`, for `edgeml bisect`; never packed.

    sources.json beside it names the module of the model that a tensor comes from.
    """
    place = build / "reference" / target
    copy_files(folder, place)
    sources = folder.parent / "sources.json"
    if sources.is_file():
        shutil.copyfile(sources, place / sources.name)
