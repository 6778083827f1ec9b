"""One process serves many files; what one file does to it is never told of another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeml_converters.steps import restarting
from edgeml_converters.steps.messages import Done, Open, Opened, Request, Run
from edgeml_converters.steps.process import StepCrashed, StepRefused
from edgeml_converters.steps.processes import Processes
from tests import onnx_models

X = np.arange(8, dtype=np.float32).reshape(2, 4)
OPENED = Opened(version="1", inputs=(), outputs=())


class Double:
    """A worker without a process, which crashes where a test says so."""

    crashes: Callable[[list[Request], Request], bool]
    started: list["Double"]

    def __init__(self, *_: object) -> None:
        self.alive = True
        self.asked: list[Request] = []
        self.started.append(self)

    def ask(self, step: str, request: Request, *_: object) -> object:
        if self.crashes(self.asked, request):
            self.alive = False
            raise StepCrashed(step, "it crashed")
        self.asked.append(request)
        return OPENED if isinstance(request, Open) else Done()

    def close(self) -> None:
        self.alive = False


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Double]:
    """The doubles that were started; `_crash_at` says where they crash."""
    monkeypatch.setattr(restarting, "Worker", Double)
    monkeypatch.setattr(Double, "started", [], raising=False)
    return Double.started


def _crash_at(
    monkeypatch: pytest.MonkeyPatch, crashes: Callable[[list[Request], Request], bool]
) -> None:
    monkeypatch.setattr(Double, "crashes", staticmethod(crashes), raising=False)


def _never(asked: list[Request], new: Request) -> bool:
    return False


def _entries(asked: list[Request]) -> list[str]:
    return [request.entry for request in asked if isinstance(request, Open)]


def _asks(processes: Processes, name: str) -> None:
    with processes.engine("onnxruntime", Path(name)) as engine:
        engine.open("basic")
        engine.run_file(processes.workspace / "x.npz", {})


@pytest.fixture
def asks(processes: Processes) -> Callable[[str], None]:
    np.savez(processes.workspace / "onnxruntime-outputs.npz", y=X)
    return lambda name: _asks(processes, name)


def test_files_in_turn_use_one_process(
    started: list[Double], asks: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    _crash_at(monkeypatch, _never)
    asks("one.onnx")
    asks("two.onnx")
    assert [_entries(double.asked) for double in started] == [["one.onnx", "two.onnx"]]


@pytest.mark.parametrize("kind", [Open, Run])
def test_a_crash_of_a_used_process_is_asked_again_of_a_new_one(
    kind: type[Any],
    started: list[Double],
    asks: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Opened at the level that it was open at."""
    _crash_at(monkeypatch, lambda asked, new: "one.onnx" in _entries(asked) and _late(asked, new))

    def _late(asked: list[Request], new: Request) -> bool:
        return isinstance(new, kind) and any(isinstance(request, Run) for request in asked)

    asks("one.onnx")
    asks("two.onnx")
    assert len(started) == 2
    (opened,) = (request for request in started[1].asked if isinstance(request, Open))
    assert (opened.entry, opened.optimisation) == ("two.onnx", "basic")


def test_a_file_that_crashes_a_process_of_its_own_is_at_fault(
    started: list[Double], asks: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    _crash_at(monkeypatch, lambda _, new: isinstance(new, Open) and new.entry == "bad.onnx")
    with pytest.raises(StepCrashed, match=r"opening bad\.onnx in onnxruntime failed: it crashed"):
        asks("bad.onnx")
    assert len(started) == 1
    asks("good.onnx")
    with pytest.raises(StepCrashed, match=r"opening bad\.onnx"):
        asks("bad.onnx")
    assert len(started) == 3  # good's, in which bad crashed too, and one for bad alone


def test_a_real_engine_is_free_after_a_file_and_runs_the_next(processes: Processes) -> None:
    answers: list[Any] = []
    for factor in (2.0, 3.0):
        entry = onnx_models.scale(processes.workspace / f"{factor}.onnx", factor)
        with processes.engine("onnxruntime", entry) as engine:
            engine.open()
            answers.append(engine.run({"x": X}, {"x": "x"})["y"])
    np.testing.assert_array_equal(answers, [2 * X, 3 * X])
    with pytest.raises(StepRefused, match="AssertionError"):
        engine.run({"x": X}, {"x": "x"})  # closed


def test_a_process_that_ends_between_two_steps_opens_the_file_again(
    started: list[Double], processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the system takes it for its memory: the new one knows nothing of the file."""
    _crash_at(monkeypatch, _never)
    np.savez(processes.workspace / "onnxruntime-outputs.npz", y=X)
    engine = processes.engine("onnxruntime", Path("one.onnx"))
    engine.open("basic")
    started[0].close()
    engine.run_file(processes.workspace / "x.npz", {})
    assert _entries(started[1].asked) == ["one.onnx"]
