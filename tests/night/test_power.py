"""The power fails: after every crash the right version predicts, with nothing damaged on the way.

Three versions are taken up and the second is gone back to, with the real engine; then the store is
started from all that the disk may hold. What a trial may be cut by besides, and what becomes of
starts that are cut short, is in tests/runtime/test_power_cut.py.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgeml_runtime import child
from edgeml_runtime.store.opened import Opened
from edgeml_runtime.store.record import Staged
from edgeml_runtime.swap import loader, stage
from edgeml_runtime.swap.boot import Left, boot
from edgeml_runtime.swap.loader import load_installed as load
from tests.flow.conversions import data, package
from tests.night.disk import Recorder, State
from tests.runtime_doubles import MemoryLink, Rig, release_of

VERSIONS = (1, 2, 3, 2)  # the last is a rollback


def _staged(opened: Opened, engine: str, _: child.Limits, __: Callable[[], bool]) -> Staged:
    """Staging's own work in this process, whose calls are recorded."""
    into = stage.prepared(opened, engine)
    shutil.rmtree(into, ignore_errors=True)
    return stage.left(opened, engine, into, stage.work(opened, engine, into))


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Recorder:
    """Which promises the versions that a start may come to."""
    folder = tmp_path_factory.mktemp("recorded")
    link = MemoryLink()
    packages = {v: package(folder, v, features=4, hidden=4) for v in sorted(set(VERSIONS))}
    for path in packages.values():
        link.offer(path)
    with Recorder(folder / "store") as recording:
        device = Rig(folder / "store", link, _staged, load)
        for generation, version in enumerate(VERSIONS, 1):
            recording.promise(device.version, str(version))
            assert device.swap.take(release_of(packages[version], generation))
            recording.promise(device.version)
        device.store.close()
    return recording


def _at_once(work: Callable[[], Any]) -> Any:
    return work()


def _idle(_: int) -> None: ...


def _fault(state: State, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str | None:
    """What is wrong with a start from `state`; None where nothing is."""
    said: list[str] = []

    # Of the starts, which are not what is tried: no syncs, and no waiting behind everybody.
    monkeypatch.setattr(loader, "at_low_priority", _at_once)
    monkeypatch.setattr(os, "fsync", _idle)
    state.write(folder)
    device = Rig(folder, load=load)
    try:
        if boot(device.slot, load) is not Left.NOTHING:
            said.append("what was prepared is not whole")
        said += [message for kind, message in device.said if kind == "incident"]
        if device.version not in (state.allowed or (None,)):
            said.append(f"{device.version} predicts where {state.allowed} may")
        for installed in (device.store.record.active, device.store.record.previous):
            if installed is not None:
                device.store.open(installed)
        if device.version is not None:  # which every version answers itself
            answers = device.live.predict({"x": data(4)}).outputs["logits"].argmax(axis=1)
            assert (answers == int(device.version)).all()
    except Exception as error:
        said.append(f"{type(error).__name__}: {error}")
    finally:
        device.store.close()
        shutil.rmtree(folder)
    return "; ".join(said) or None


def test_a_start_from_all_that_a_crash_may_leave_is_right(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = 0
    for state in recorder.states():
        fault = _fault(state, tmp_path / "store", monkeypatch)
        assert fault is None, (state.at, fault, sorted(state.files))
        started += 1
    assert started > 500


def test_without_any_one_sync_a_start_goes_wrong(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else that sync would be idle, or the states above too few to show what it is for."""
    sites = recorder.sites()
    assert len(sites) >= 5
    for site in sites:
        states = recorder.states(without=site)
        assert any(_fault(state, tmp_path / "store", monkeypatch) for state in states), site
