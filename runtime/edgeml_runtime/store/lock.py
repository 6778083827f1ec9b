"""Whose a folder is: it holds a store and nothing else, and one process at a time."""

import errno
import fcntl
from collections.abc import Collection
from pathlib import Path
from typing import IO

from edgeml.errors import InputError

_LOCK = "edgeml.lock"


def check_foreign(folder: Path, ours: Collection[str]) -> None:
    """Raises InputError when `folder` is somebody's: what is not kept is removed from a store."""
    if not folder.is_dir():
        return
    names = {path.name for path in folder.iterdir()}
    # A file system's own, where the store is a disk of its own.
    found = [name for name in names - {_LOCK, *ours} if name != "lost+found" and name[0] != "."]
    # A power cut may have taken the lock, or somebody, and not what it guards.
    if found and _LOCK not in names:
        raise InputError(
            f"The folder {folder} holds other files than a store's ({min(found)}); name a new one "
            "by --store."
        )


def locked(folder: Path) -> IO[bytes]:
    """The lock, which ends with the process; on a card that takes nothing it may be already."""
    try:
        stream: IO[bytes] = (folder / _LOCK).open("ab")
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES):
            raise
        stream = (folder / _LOCK).open("rb")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        stream.close()
        raise InputError(
            f"The store {folder} is in use by another edgeml-runtime; give each its own --store."
        ) from error
    return stream
