"""The folder of a conversion: written as a whole or not at all."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from edgeml import atomic, documents
from edgeml.conversion import ConversionReport
from edgeml.errors import EdgemlError, InputError
from edgeml.manifest import Format
from edgeml_converters.outcome.claims import claimed, release, remove_abandoned

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
        remove_abandoned(out.parent, f".{out.name}.")
        built = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
        built.chmod(0o755)
        with claimed(built):
            yield built
            release(built)
            _replace(out, built)
        atomic.sync_folder(out.parent)
    except OSError as error:
        raise atomic.storage_error(out, error) from error
    finally:
        if built is not None:
            shutil.rmtree(built, ignore_errors=True)


def _replace(out: Path, built: Path) -> None:
    old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent))
    aside = old / out.name
    try:
        if out.exists():
            out.rename(aside)
        built.rename(out)
    finally:
        if aside.exists() and not out.exists():
            aside.rename(out)  # as where the disk failed between the two, or somebody asked to end
        shutil.rmtree(old, ignore_errors=True)


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
