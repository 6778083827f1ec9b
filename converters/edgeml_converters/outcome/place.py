"""Where a conversion may be written, and what of people's stands there."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from edgeml import atomic, documents
from edgeml.conversion import ConversionReport
from edgeml.errors import EdgemlError, InputError

REPORT = "report.json"
BESIDE = (REPORT, "report.html", "contract.json", "holdout.npz", "provenance.json")


def check(out: Path) -> None:
    """Raises InputError when `out` cannot be replaced, or holds something other than an earlier
    conversion; StorageError when its disk will not take it."""
    place = place_of(out)
    try:
        _check_rights(place)
        if not place.exists():
            return
        if not place.is_dir():
            raise InputError(f"{out} is a file; name a folder for the conversion.")
        if place.is_mount() or _is_in(_working_folder(), place):
            what = "a disk of its own" if place.is_mount() else "the folder that you are in"
            raise InputError(f"{out} is {what} and would be replaced; name a new folder in it.")
        found = others(place)
    except OSError as error:
        raise atomic.storage_error(out, error) from error
    if found:
        raise InputError(
            f"{out} would be replaced, but holds other files than a conversion's, as {found[0]}; "
            "name a new folder, or move them out of it."
        )


def check_apart(out: Path, read: Iterable[Path | None]) -> None:
    """Raises InputError where something that is read lies in what will be replaced."""
    place = place_of(out)
    for path in read:
        if path is not None and _is_in(Path(os.path.realpath(path)), place):
            raise InputError(
                f"{out} would be replaced, but holds {path}, which the conversion reads; name "
                "another folder."
            )


def place_of(out: Path) -> Path:
    """Where `out` really is: a link to a folder stays one.

    Raises InputError for what can be no folder's name.
    """
    try:
        place = Path(os.path.realpath(out))
        with suppress(FileNotFoundError, NotADirectoryError):
            if stat.S_ISLNK(place.lstat().st_mode):
                raise InputError(f"{out} is a link that leads back to itself; name another folder.")
    except (OSError, ValueError) as error:  # too long, of a folder that is not ours, with a NUL
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{out} can be no folder ({reason}); name another.") from None
    return place


def others(folder: Path) -> list[str]:
    """The files there that no conversion wrote, by their names in `folder`; raises OSError."""
    found, report = list(files_in(folder)), folder / REPORT
    try:
        if not report.is_file():  # a pipe would wait for its writer
            return found
        ours = documents.decode(report.read_bytes(), ConversionReport, REPORT).files
    except (OSError, EdgemlError):
        return found
    return [name for name in found if name not in ours]


def files_in(folder: Path) -> tuple[str, ...]:
    """By their names in `folder`, sorted."""
    return tuple(sorted(path.relative_to(folder).as_posix() for path in _files(folder)))


def _files(folder: Path) -> Iterator[Path]:
    """All but folders; raises OSError for one that may not be read."""
    for place, folders, files in os.walk(folder, onerror=_fail):
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        yield from (Path(place) / name for name in (*files, *links))


def _fail(error: OSError) -> None:
    raise error


def _check_rights(place: Path) -> None:
    """Raises OSError for a place that a folder can surely not be renamed to, or whose folder
    cannot be synced afterwards, for which it is opened."""
    parent = place.parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{parent} is a file")
    movable = not place.exists() or os.access(place, os.W_OK)
    if not os.access(parent, os.R_OK | os.W_OK | os.X_OK) or not movable:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    me, folder = os.geteuid(), parent.stat()
    if place.exists() and folder.st_mode & stat.S_ISVTX:
        if me not in (0, folder.st_uid, place.stat().st_uid):
            raise PermissionError(errno.EPERM, "it is another user's")


def _working_folder() -> Path | None:
    with suppress(FileNotFoundError):  # it was removed
        return Path.cwd()
    return None


def _is_in(path: Path | None, folder: Path) -> bool:
    return path is not None and path.is_relative_to(folder)
