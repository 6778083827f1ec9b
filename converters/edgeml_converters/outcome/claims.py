"""Whose a half-written folder is: its maker holds a lock in it, which ends with the process however
that ends. What is marked and not locked is of nobody any more."""

import fcntl
import os
import shutil
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MARK = ".edgeml-is-writing-this"


@contextmanager
def claimed(folder: Path) -> Generator[None]:
    """Marks `folder`, which is new, until the block ends; the block may have removed it.

    Raises OSError where it cannot be written.
    """
    mark = folder / _MARK
    held = os.open(mark, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        if _lock(held, wait=True):
            os.write(held, _text(folder, held))
        else:  # its file system has no locks, and nobody could tell
            mark.unlink()
        yield
    finally:
        os.close(held)


def abandoned(parent: Path, prefix: str) -> Iterator[Path]:
    """The folders in `parent` that mkdtemp named by `prefix` and whose makers were killed.

    Names decide nothing but where to look: there must be a mark that was written for this folder,
    and for no copy of it, and a lock to be had, which is held until the next is asked for.
    """
    with suppress(OSError):
        for folder in list(parent.iterdir()):
            named = folder.name.startswith(prefix) and "." not in folder.name[len(prefix) :]
            if named and folder.is_dir() and not folder.is_symlink():
                with suppress(OSError), _found(folder) as ours:
                    if ours:
                        yield folder


def remove(folder: Path) -> None:
    """As far as we may; the mark goes last, and stays with what is another user's, so that whoever
    may remove it knows it."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                _remove_all(path)
            elif path.name != _MARK:
                path.unlink()
        if all(path.name == _MARK for path in folder.iterdir()):
            shutil.rmtree(folder)


def _remove_all(folder: Path) -> None:
    """Folders of ours that are not to be written too."""
    for place, _, _ in os.walk(folder):
        with suppress(OSError):
            os.chmod(place, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _found(folder: Path) -> Generator[bool]:
    """Raises OSError where there is no mark."""
    # A pipe of that name would wait for its writer.
    found = os.open(folder / _MARK, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        yield (
            stat.S_ISREG(os.fstat(found).st_mode)
            and _lock(found)
            and os.read(found, 4096) == _text(folder, found)
        )
    finally:
        os.close(found)


def _text(folder: Path, mark: int) -> bytes:
    return b"%d %s\n" % (os.fstat(mark).st_ino, os.fsencode(folder.name))


def _lock(file: int, *, wait: bool = False) -> bool:
    """False where somebody holds it, or the file system knows no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True
