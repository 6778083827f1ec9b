"""The disk fails for a moment, anywhere in a swap: live model and disk never disagree, and the next
attempt succeeds with something to roll back to."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeml import documents
from edgeml_runtime.store.record import Record
from tests.runtime_doubles import MemoryLink, Rig, package, release_of


def _failing(function: Callable[..., Any], at: int) -> Callable[..., Any]:
    calls = 0

    def call(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return function(*arguments, **named)

    return call


def _active(folder: Path) -> str:
    record = documents.decode((folder / "state.json").read_bytes(), Record, "it")
    assert record.active is not None
    return record.active.release.version


@pytest.mark.parametrize("operation", ["replace", "fsync", "mkdir"])
def test_a_disk_that_fails_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    link = MemoryLink()
    paths = [package(tmp_path, version) for version in "12"]
    for path in paths:
        link.offer(path)
    failed = 0
    for at in range(1, 100):
        folder = tmp_path / str(at)
        device = Rig(folder, link)
        assert device.swap.take(release_of(paths[0], 1))
        with monkeypatch.context() as patched:
            patched.setattr(os, operation, _failing(getattr(os, operation), at))
            taken = device.swap.take(release_of(paths[1], 2))
            said = [message for kind, message in device.said if kind == "postponed"]
        assert device.version == _active(folder), at
        if not said:
            assert taken, said
            device.store.close()
            break
        failed += 1
        if not taken:
            assert device.swap.take(release_of(paths[1], 2)), (at, said)
        assert device.version == _active(folder) == "2", at
        previous = device.store.record.previous
        assert previous is not None and previous.release.version == "1", at
        device.store.open(previous)
        device.store.close()
    assert failed >= 3
