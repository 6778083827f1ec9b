"""Power cuts before every single file operation of a swap, found by Python's own audit events."""

import shutil
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edgeml_runtime.store.record import Trial
from edgeml_runtime.swap.boot import Left, boot
from tests.runtime_doubles import MemoryLink, Rig, fake_load, package, release_of

_OPERATIONS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "open"}
_listener: Callable[[str], None] | None = None


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if _listener is not None and event in _OPERATIONS:
        _listener(str(arguments[0]))


sys.addaudithook(_audit)


@contextmanager
def cuts(store: Path, into: Path) -> Generator[list[Path]]:
    """Copies the store as it is before each operation inside of it."""
    global _listener
    copies: list[Path] = []

    def copy(path: str) -> None:
        global _listener
        listener, _listener = _listener, None
        if path.startswith(str(store)):
            copies.append(Path(shutil.copytree(store, into / f"cut-{len(copies)}")))
        _listener = listener

    _listener = copy
    try:
        yield copies
    finally:
        _listener = None


def booted(folder: Path, link: MemoryLink) -> Rig:
    device = Rig(folder, link)
    for hurried in (True, False):  # what a hurried one leaves comes after the network
        if boot(device.slot, fake_load, hurried=hurried) is Left.NOTHING:
            break
    return device


def second_version(folder: Path, link: MemoryLink) -> tuple[Rig, list[Path]]:
    """A device on version 2 after 1, and the packages of both."""
    paths = [package(folder, version) for version in "12"]
    device = Rig(folder / "store", link)
    for generation, path in enumerate(paths, 1):
        link.offer(path)
        assert device.swap.take(release_of(path, generation))
    return device, paths


def test_after_every_cut_the_old_or_the_new_version_boots_and_the_new_one_is_reached(
    tmp_path: Path,
) -> None:
    link = MemoryLink()
    paths = [package(tmp_path, version) for version in "123"]
    for path in paths:
        link.offer(path)
    device = Rig(tmp_path / "store", link)
    assert device.swap.take(release_of(paths[0], 1)) and device.swap.take(release_of(paths[1], 2))
    with cuts(tmp_path / "store", tmp_path) as copies:
        assert device.swap.take(release_of(paths[2], 3))
    assert device.version == "3"
    assert len(copies) > 30
    seen: list[str | None] = []
    for copy in copies:
        again = booted(copy, link)
        seen.append(again.version)
        assert not [s for s in again.said if s[0] == "incident"], copy
        if again.version == "2":
            assert again.swap.take(release_of(paths[2], 3)), copy
        assert again.version == "3", copy
        previous = again.store.record.previous
        assert previous is not None and previous.release.version == "2"
        again.store.open(previous)
        again.store.close()
    device.store.close()
    # Once the new version is on disk no cut brings the old one back.
    assert set(seen) == {"2", "3"} and seen == sorted(seen, key=str)


def test_a_cut_trial_is_refused_after_three_attempts(tmp_path: Path) -> None:
    class Cut(BaseException):
        pass

    def cutting(*_: Any) -> None:
        raise Cut

    link = MemoryLink()
    path = package(tmp_path, "1")
    link.offer(path)
    release = release_of(path, 1)
    for _ in range(3):
        device = Rig(tmp_path / "store", link, stage=cutting)
        with pytest.raises(Cut):
            device.swap.take(release)
        device.store.close()
    device = Rig(tmp_path / "store", link, stage=cutting)
    assert not device.swap.take(release)
    assert device.said[-1][0] == "postponed" and "3 times" in device.said[-1][1]
    (refusal,) = device.store.record.refused
    assert refusal.release == release and not refusal.final
    assert device.refusals.due_in(release) > device.config.retry_seconds
    device.store.close()


def test_a_crash_loop_falls_back_to_the_previous_version(tmp_path: Path) -> None:
    link = MemoryLink()
    device, _ = second_version(tmp_path, link)
    device.store.close()
    versions: list[str | None] = []
    refused: tuple[str, ...] = ()
    for _ in range(5):  # each start is cut before it was healthy
        again = booted(tmp_path / "store", link)
        versions.append(again.version)
        refused = tuple(refusal.release.version for refusal in again.store.record.refused)
        again.store.close()
    assert versions == ["2", "2", "2", "1", "1"]
    assert refused == ("2",)


@pytest.mark.parametrize("proven", [True, False])
def test_a_cut_in_a_trial_or_of_a_proven_version_is_not_the_versions_fault(
    tmp_path: Path, proven: bool
) -> None:
    link = MemoryLink()
    device, paths = second_version(tmp_path, link)
    trial = (
        {} if proven else {"trial": Trial(release=release_of(paths[1], 3)), "swap_state": "stage"}
    )
    device.store.save(proven=proven, **trial)
    device.store.close()
    for _ in range(5):  # each start is cut before it was healthy
        again = booted(tmp_path / "store", link)
        assert again.version == "2"
        if not proven:
            again.store.save(**trial)
        again.store.close()


def test_a_damaged_version_falls_back_and_can_be_fetched_again(tmp_path: Path) -> None:
    link = MemoryLink()
    device, paths = second_version(tmp_path, link)
    active = device.store.record.active
    assert active is not None
    file = device.store.open(active).entry
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    device.store.close()
    again = booted(tmp_path / "store", link)
    assert again.version == "1"
    assert again.said[0][0] == "incident" and "damaged" in again.said[0][1]
    assert again.swap.take(release_of(paths[1], 2))
    assert again.version == "2"
    again.store.close()
