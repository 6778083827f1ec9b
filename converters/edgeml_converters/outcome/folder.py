"""The folder of a conversion: written as a whole or not at all."""

import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from edgeml import atomic
from edgeml.errors import EdgemlError, InputError
from edgeml.manifest import Format
from edgeml_converters.outcome.claims import abandoned, claimed, remove
from edgeml_converters.outcome.place import check, others, place_of

_HERE, _EXCHANGE = -100, 2
"""AT_FDCWD and RENAME_EXCHANGE of <fcntl.h>."""
_NAME = 200
"""Bytes of a name that have room for more, of the 255 that one may have."""


@contextmanager
def building(out: Path) -> Generator[Path]:
    """A folder that takes the place of `out` when the block ends without an error.

    It is in a folder beside it, in which whatever a killed process leaves is known by. Raises
    InputError and StorageError as `check` does, StorageError when the disk does not take it; what
    was made is kept beside `out` where only its place could not be taken.
    """
    check(out)
    place = place_of(out)
    prefix = f".{_cut(place.name)}."
    work: Path | None = None
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        for left in abandoned(place.parent, prefix):
            _remove(left, place)
        work = Path(tempfile.mkdtemp(prefix=prefix, dir=place.parent))
        with claimed(work):
            built = work / "new"
            built.mkdir(mode=0o755)
            yield built
            _replace(out, place, built)
        atomic.sync_folder(place.parent)
    except OSError as error:
        raise atomic.storage_error(out, error) from error
    finally:
        if work is not None:
            _remove(work, place)


def _replace(out: Path, place: Path, built: Path) -> None:
    """Much may have happened to `place` while it was made."""
    try:
        check(out)
        if not place.exists() and _renamed(built, place):
            return
        _take_after(place, built)
        if not exchange(built, place):
            aside = _aside(built.parent, place)
            aside.parent.mkdir()
            place.rename(aside)
            _check_moved(out, aside)
            built.rename(place)
        elif others(built):
            exchange(built, place)
            _check_moved(out, place)
    except (EdgemlError, OSError) as error:
        beside = place.with_name(f"{_cut(place.name)}.{built.parent.name[-8:]}")
        _put_back(built.parent, place)
        built.rename(beside)
        known = error if isinstance(error, EdgemlError) else atomic.storage_error(out, error)
        raise type(known)(f"{known} What was made now is in {beside}.") from error


def _check_moved(out: Path, place: Path) -> None:
    """Raises InputError for what came in the moment after it was looked for."""
    if found := others(place):
        raise InputError(f"{out} holds {found[0]}, which no conversion wrote.")


def _renamed(built: Path, place: Path) -> bool:
    """False where something has come there meanwhile."""
    try:
        built.rename(place)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return False
        raise
    return True


def _take_after(place: Path, built: Path) -> None:
    """Its rights and its owner, as far as we may: it may be for few."""
    there = place.stat()
    with suppress(PermissionError):
        os.chown(built, there.st_uid, there.st_gid)
    built.chmod(there.st_mode & 0o7777)


def _cut(name: str) -> str:
    return os.fsdecode(os.fsencode(name)[:_NAME])


def _aside(work: Path, place: Path) -> Path:
    """Where the earlier conversion waits, on disks that cannot exchange two folders at once."""
    return work / "old" / place.name


def exchange(a: Path, b: Path) -> bool:
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


def _remove(work: Path, place: Path) -> None:
    """All but the only copy of an earlier conversion."""
    with suppress(OSError):
        _put_back(work, place)
    if _aside(work, place).exists() and not place.exists():
        return
    remove(work)


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
