"""Jobs beside each other: in order, at once where there are cores, and ended together."""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Event

import pytest

from edgeml_converters.steps.beside import beside
from edgeml_converters.steps.messages import Done, Predict
from edgeml_converters.steps.process import StepError
from edgeml_converters.steps.processes import Processes


def _have(monkeypatch: pytest.MonkeyPatch, cores: int) -> None:
    def affinity(_pid: int) -> set[int]:
        return set(range(cores))

    monkeypatch.setattr(os, "sched_getaffinity", affinity)


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    _have(monkeypatch, 2)


def _never() -> None:
    pytest.fail("nothing was to be ended")


def test_they_run_at_once_and_answer_in_order() -> None:
    both = Barrier(2)

    def job(name: str) -> Callable[[], str]:
        def run() -> str:
            both.wait(10)
            return name

        return run

    assert beside([job("onnx"), job("tflite")], _never, apart=True) == ["onnx", "tflite"]


@pytest.mark.parametrize("cores", [1, 2])
def test_they_run_one_by_one_where_they_must(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _have(monkeypatch, cores)
    running: list[str] = []

    def job(name: str) -> Callable[[], int]:
        def run() -> int:
            running.append(name)
            found = len(running)
            running.remove(name)
            return found

        return run

    assert beside([job("onnx"), job("tflite")], _never, apart=cores == 1) == [1, 1]


def test_what_one_raises_ends_the_others() -> None:
    ended = Event()

    def failing() -> None:
        raise StepError("quantising", "it is not to be")

    def waiting() -> None:
        assert ended.wait(10)
        raise StepError("waiting", "the command has ended")

    for jobs in ([failing, waiting], [waiting, failing]):
        ended.clear()
        with pytest.raises(StepError, match="it is not to be"):
            beside(jobs, ended.set, apart=True)


def test_parts_have_folders_of_their_own_and_start_nothing_once_they_are_closed(
    tmp_path: Path,
) -> None:
    with Processes(tmp_path, 60.0) as processes:
        part = processes.part("onnx")
        assert part is processes.part("onnx") and part.workspace == tmp_path / "onnx"
        assert part.workspace.is_dir() and processes.part("tflite") is not part
    with pytest.raises(StepError, match="has ended"):
        part.tools.ask("predicting", Predict(inputs="x.npz", into="y.npz"), Done)
