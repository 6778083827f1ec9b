"""The one place where files are written: after a power cut the old is there or the new."""

import errno
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from edgeml.errors import StorageError

TEMPORARY = ".edgeml-tmp-"
"""How the name of every file that is not whole yet begins."""


def sync_folder(folder: Path) -> None:
    """Makes renames inside `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Makes `folder` and what is missing above it, durably; raises OSError."""
    missing: list[Path] = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for made in reversed(missing):
        made.mkdir(exist_ok=True)
        sync_folder(made.parent)


@contextmanager
def replacing(path: Path) -> Generator[IO[bytes]]:
    """A stream whose content becomes `path` when the block ends without an error.

    Temporary file beside it, fsync, rename, fsync of the folder; of those that had to be made, too.
    Raises StorageError when the disk is full or the folder cannot be written; then, as after any
    error in the block, `path` is as it was and no temporary file is left. Only where the last step,
    the fsync of the folder, fails is the new content already there, but perhaps not after a power
    cut.
    """
    temporary: str | None = None
    try:
        make_folder(path.parent)
        descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY, dir=path.parent)
        with os.fdopen(descriptor, "w+b") as stream:
            yield stream
            stream.flush()
            os.fchmod(stream.fileno(), 0o644)
            os.fsync(stream.fileno())
        os.replace(temporary, path)
        temporary = None
        sync_folder(path.parent)
    except OSError as error:
        raise storage_error(path, error) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write(path: Path, data: bytes) -> None:
    """Replaces `path` with `data`; see `replacing`."""
    with replacing(path) as stream:
        stream.write(data)


def storage_error(path: Path, error: OSError) -> StorageError:
    """Says in one sentence why `path` could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(f"{path} could not be written: the disk is full; free some space.")
    reason = error.strerror or str(error)
    if isinstance(error, FileExistsError | IsADirectoryError | NotADirectoryError):
        return StorageError(f"{path} could not be written: {reason}; choose another place.")
    return StorageError(f"{path} could not be written: {reason}; check the folder's rights.")
