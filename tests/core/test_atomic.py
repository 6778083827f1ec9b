"""After an error at any step of a write, the old content is there or the new, and no litter."""

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeml import atomic
from edgeml.errors import Category, StorageError
from tests.disks import small

OLD, NEW = b"old", b"new" * 1000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    target = tmp_path / "state.json"
    target.write_bytes(OLD)
    return target


def test_new_content(path: Path) -> None:
    atomic.write(path, NEW)
    assert path.read_bytes() == NEW
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(path.parent.iterdir()) == [path]


def test_folders_are_made(tmp_path: Path) -> None:
    atomic.write(tmp_path / "a" / "b" / "c", NEW)
    assert (tmp_path / "a" / "b" / "c").read_bytes() == NEW


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_in_the_block_changes_nothing(path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), atomic.replacing(path) as stream:
        stream.write(NEW)
        raise error
    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


TRACER = """\
# Lets the Nth call that touches the disk fail, or ends the process there as a power cut would.
import os, sys
from pathlib import Path
step, how, path = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
from edgeml import atomic
from edgeml.errors import StorageError
calls = 0
def cut(function):
    def wrapped(*args, **kwargs):
        global calls
        calls += 1
        if calls == step:
            if how == "kill":
                os._exit(9)
            raise OSError(5, "Input/output error")
        return function(*args, **kwargs)
    return wrapped
for module, names in ((os, "mkdir open fchmod fsync replace close".split()),):
    for name in names:
        setattr(module, name, cut(getattr(module, name)))
try:
    atomic.write(path, b"new" * 1000)
except StorageError as error:
    print("refused", error)
else:
    print("written", calls)
"""


def traced(step: int, how: str, path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", TRACER, str(step), how, path], capture_output=True, text=True
    )


@pytest.mark.parametrize("how", ["fail", "kill"])
def test_old_or_new_after_a_failure_at_each_call(path: Path, how: str) -> None:
    whole = traced(0, how, path)
    assert whole.stdout.startswith("written"), whole.stderr
    calls = int(whole.stdout.split()[1])
    assert calls >= 6  # mkdir, open, fchmod, fsync, rename, open, fsync, close
    for step in range(1, calls + 1):
        path.write_bytes(OLD)
        done = traced(step, how, path)
        content = path.read_bytes()
        assert content in (OLD, NEW)
        if how == "kill":
            assert done.returncode == 9
        else:
            assert done.returncode == 0, done.stderr
            if done.stdout.startswith("written"):
                assert content == NEW  # mkdir of what is there already may fail
            litter = [p for p in path.parent.iterdir() if p != path]
            assert litter == []
        for left in path.parent.iterdir():
            if left != path:
                left.unlink()


def _fills(path: Path, size: int) -> StorageError:
    with pytest.raises(StorageError) as error:
        atomic.write(path, bytes(size))
    return error.value


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    with small(tmp_path / "disk", "1m") as disk:
        yield disk


def test_a_full_disk(small_disk: Path) -> None:
    path = small_disk / "state.json"
    atomic.write(path, OLD)
    error = _fills(path, 2 << 20)
    assert "the disk is full; free some space" in str(error)
    assert error.category == Category.UNEXPECTED_RESOURCE_USAGE
    assert path.read_bytes() == OLD
    assert list(small_disk.iterdir()) == [path]
    atomic.write(path, NEW)  # what could not be written takes no room
    assert path.read_bytes() == NEW


def test_a_limit_on_file_size(path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        error = _fills(path, 2 << 20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert "File too large" in str(error)
    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(StorageError, match="could not be written"):
        atomic.write(tmp_path / "x", NEW)
    assert list(tmp_path.iterdir()) == [tmp_path / "x"]
