"""Whose a half-written folder is: its maker holds a lock in it, which ends with the process however
that ends. What is marked and not locked is of nobody any more."""

import fcntl
import os
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_MARK = ".edgeml-is-writing-this"


@contextmanager
def claimed(folder: Path) -> Generator[None]:
    """Marks `folder` until the block ends, which may have moved or removed it.

    Raises OSError where it cannot be written.
    """
    mark = folder / _MARK
    unlocked = mark.with_suffix(".new")
    held = os.open(unlocked, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if _lock(held):  # else its file system has no locks, and nobody could tell
            unlocked.rename(mark)
        else:
            unlocked.unlink()
        yield
    finally:
        os.close(held)


def release(folder: Path) -> None:
    """Takes the mark away, so that the folder can be given to people; its block still holds it."""
    (folder / _MARK).unlink(missing_ok=True)


def remove_abandoned(parent: Path, prefix: str) -> None:
    """Removes the folders in `parent` whose names begin with `prefix` and whose makers were killed.

    Names decide nothing but where to look: without the mark, and a lock to be had, nothing is
    touched. What cannot be removed stays.
    """
    with suppress(OSError):
        for folder in parent.iterdir():
            if folder.name.startswith(prefix) and folder.is_dir() and not folder.is_symlink():
                _remove_if_abandoned(folder)


def _remove_if_abandoned(folder: Path) -> None:
    try:
        # A pipe of that name would wait for its writer.
        found = os.open(folder / _MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    try:
        if stat.S_ISREG(os.fstat(found).st_mode) and _lock(found):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(found)


def _lock(file: int) -> bool:
    """False where somebody holds it, or the file system knows no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
