"""The folder of a conversion: written as a whole or not at all."""

import ctypes
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from edgeml import atomic, documents
from edgeml.conversion import ConversionReport
from edgeml.errors import EdgemlError, InputError
from edgeml.manifest import Format
from edgeml_converters.outcome.claims import abandoned, claimed

REPORT = "report.json"
_FILES = (REPORT, "report.html", "contract.json", "holdout.npz", "provenance.json")
_REFERENCE = "reference"
_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of <fcntl.h>."""


def check(out: Path) -> None:
    """Raises InputError when `out` cannot be replaced, or holds something other than an earlier
    conversion."""
    place = _place(out)
    if not place.exists():
        return
    if not place.is_dir():
        raise InputError(f"{out} is a file; name a folder for the conversion.")
    if place.is_mount() or Path.cwd().is_relative_to(place):
        what = "a disk of its own" if place.is_mount() else "the folder that you are in"
        raise InputError(f"{out} is {what} and would be replaced; name a new folder in it.")
    if others := _others(place):
        raise InputError(
            f"{out} would be replaced, but holds other files than a conversion's, as {others[0]}; "
            "name a new folder, or move them out of it."
        )


def _place(out: Path) -> Path:
    """Where `out` really is: a link to a folder stays one.

    Raises InputError for what can be no folder's name.
    """
    try:
        place = Path(os.path.realpath(out))
        there = place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return place
    except (OSError, ValueError) as error:  # too long, of a folder that is not ours, with a NUL
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{out} can be no folder ({reason}); name another.") from None
    if stat.S_ISLNK(there.st_mode):
        raise InputError(f"{out} is a link that leads back to itself; name another folder.")
    return place


def _others(folder: Path) -> list[str]:
    """What there is besides a conversion; everything where there is none."""
    names = sorted(path.name for path in folder.iterdir())
    try:
        report = documents.decode((folder / REPORT).read_bytes(), ConversionReport, REPORT)
    except (OSError, EdgemlError):
        return names
    ours = {*_FILES, _REFERENCE, *(variant.id for variant in report.variants)}
    return [name for name in names if name not in ours]


@contextmanager
def building(out: Path) -> Generator[Path]:
    """A folder that takes the place of `out` when the block ends without an error.

    It is in a folder beside it, in which whatever a killed process leaves is known by. Raises
    InputError as `check` does, StorageError when the disk does not take it.
    """
    check(out)
    place = _place(out)
    # By fewer bytes than a name may have.
    prefix = os.fsdecode(b".%s." % os.fsencode(place.name)[:200])
    work: Path | None = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for left in abandoned(place.parent, prefix):
            _put_back(left, place)
            shutil.rmtree(left, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=prefix, dir=place.parent))
        with claimed(work):
            try:
                built = work / "new"
                built.mkdir(mode=0o755)
                yield built
                _replace(out, place, built)
            finally:
                _put_back(work, place)
        atomic.sync_folder(place.parent)
    except OSError as error:
        raise atomic.storage_error(out, error) from error
    finally:
        if work is not None:
            shutil.rmtree(work, ignore_errors=True)


def _replace(out: Path, place: Path, built: Path) -> None:
    try:
        check(out)  # much may have happened while it was made
    except InputError as error:
        beside = place.with_name(f"{place.name[:200]}.{built.parent.name[-8:]}")
        built.rename(beside)
        raise InputError(f"{error} What was made now is in {beside}.") from None
    if not place.exists():
        built.rename(place)
    elif not _exchange(built, place):
        aside = _aside(built.parent, place)
        aside.parent.mkdir()
        place.rename(aside)
        built.rename(place)


def _aside(work: Path, place: Path) -> Path:
    """Where the earlier conversion waits, on disks that cannot exchange two folders at once."""
    return work / "old" / place.name


def _exchange(a: Path, b: Path) -> bool:
    """Each takes the other's place in one step; False where the system or the disk knows no such.

    Python has renames alone: renameat2(2) with RENAME_EXCHANGE.
    """
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is None:
        return False
    if renameat2(_HERE, os.fsencode(a), _HERE, os.fsencode(b), _EXCHANGE) == 0:
        return True
    error = ctypes.get_errno()
    if error not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        raise OSError(error, os.strerror(error), str(b))
    return False


def _put_back(work: Path, place: Path) -> None:
    """As where the disk failed between the two renames, or somebody ended the process."""
    aside = _aside(work, place)
    if aside.exists() and not place.exists():
        aside.rename(place)


def copy_files(folder: Path, place: Path) -> None:
    """Copies the files of a variant; one after another, so that an error names the file."""
    place.mkdir(parents=True)
    for file in sorted(folder.iterdir()):
        shutil.copyfile(file, place / file.name)


def keep_reference(folder: Path, target: Format, build: Path) -> None:
    """Copies the float file of quantised variants to `build`, for `edgeml bisect`; never packed.

    sources.json beside it names the module of the model that a tensor comes from.
    """
    place = build / _REFERENCE / target
    copy_files(folder, place)
    sources = folder.parent / "sources.json"
    if sources.is_file():
        shutil.copyfile(sources, place / sources.name)
