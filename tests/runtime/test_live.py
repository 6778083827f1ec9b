"""Under any number of threads and swaps, each answer is one version's and each is counted once."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgeml.contract import Contract, Tensor
from edgeml.errors import ContractError, EngineError
from edgeml.manifest import Optimisation
from edgeml_runtime.engines.base import Engine, Signature, TensorSpec
from edgeml_runtime.serving.live import (
    Identity,
    Live,
    LoadedModel,
    NoModelError,
    Prediction,
    Window,
)

CONTRACT = Contract(
    inputs=(Tensor(name="x", dtype="float32", shape=("batch", 2)),),
    outputs=(Tensor(name="y", dtype="float32", shape=("batch", 2)),),
)
SWAPS = 100
THREADS = 4
DEADLINE_SECONDS = 20.0
Array = npt.NDArray[Any]


class Multiplier(Engine):
    """An engine without a library: y = factor * x. `during` runs inside each prediction."""

    name = "multiplier"
    format = "none"
    factor = 1.0
    during: Callable[[], object] = staticmethod(lambda: None)

    @classmethod
    def version(cls) -> str:
        return "1"

    def _load(self, path: Path, threads: int, optimisation: Optimisation) -> None:
        self.factor = float(path.read_text())

    def _signature(self) -> Signature:
        return Signature(
            (TensorSpec("x", "float32", (-1, 2)),), (TensorSpec("y", "float32", (-1, 2)),)
        )

    def _run(self, feeds: dict[str, Array]) -> dict[str, Array]:
        self.during()
        return {"y": feeds["x"] * np.float32(self.factor)}


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., LoadedModel]:
    def made(generation: int, during: Callable[[], object] | None = None) -> LoadedModel:
        """The version is the factor, 1 or 2 by turns: an answer tells which model gave it."""
        factor = 1 + generation % 2
        path = tmp_path / f"factor-{factor}"
        path.write_text(str(factor))
        engine = Multiplier(path)
        if during is not None:
            engine.during = during
        identity = Identity("m", str(factor), generation, f"{factor:064x}", "v", "multiplier")
        return LoadedModel(identity, CONTRACT, engine)

    return made


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns fifty times more often than Python lets them: more ways to go wrong."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    yield
    sys.setswitchinterval(before)


def taken(live: Live) -> tuple[Identity, Window]:
    found = live.take_window()
    assert found is not None
    return found


def request(value: float = 1.0) -> dict[str, Array]:
    return {"x": np.full((1, 2), value, np.float32)}


def test_before_the_first_model_there_is_nothing_to_ask() -> None:
    live = Live()
    with pytest.raises(NoModelError, match="publish a release"):
        live.predict(request())
    assert live.identity is None
    assert live.contract is None
    assert live.take_window() is None and live.adopt(7) is None


@pytest.mark.usefixtures("restless")
def test_no_answer_is_lost_mixed_or_counted_twice_over_many_swaps(
    model: Callable[..., LoadedModel],
) -> None:
    live = Live()
    live.swap(model(0))
    done = threading.Event()
    answers: list[list[Prediction]] = [[] for _ in range(THREADS)]
    refused = [0] * THREADS
    errors: list[Exception] = []

    def hammer(index: int) -> None:
        good, bad = request(3.0), {"x": np.zeros((1, 3), np.float32)}
        while not done.is_set():
            try:
                answers[index].append(live.predict(good))
                live.predict(bad)
            except ContractError:
                refused[index] += 1
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=hammer, args=(i,)) for i in range(THREADS)]
    for thread in threads:
        thread.start()
    windows = [taken(live)]
    try:
        for generation in range(1, SWAPS + 1):
            windows.append(taken(live))
            before = live.swap(model(generation), DEADLINE_SECONDS)
            assert before is not None and before[0].generation == generation - 1
            windows.append(before)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    windows.append(taken(live))

    assert errors == []
    every = [answer for mine in answers for answer in mine]
    assert {a.version for a in every} == {"1", "2"}
    for answer in every:
        assert answer.outputs["y"].tolist() == [[3.0 * float(answer.version)] * 2]
        assert answer.version == str(1 + answer.generation % 2)
    assert sorted(a.sequence for a in every) == list(range(len(every)))
    for mine in answers:  # a thread never sees an older generation after a newer one
        assert [a.generation for a in mine] == sorted(a.generation for a in mine)
    counted = Counter[int]()
    for identity, window in windows:
        counted[identity.generation] += window.predictions
        assert int(window.latency.sum()) == window.predictions
        assert window.failed == 0
    assert +counted == Counter(a.generation for a in every), "each is counted for its own version"
    assert sum(window.refused for _, window in windows) == sum(refused) > 0


def test_swap_returns_when_the_old_models_last_call_has_ended(
    model: Callable[..., LoadedModel],
) -> None:
    live = Live()
    inside, release = threading.Event(), threading.Event()

    def wait() -> None:
        inside.set()
        assert release.wait(DEADLINE_SECONDS)

    live.swap(model(0, during=wait))
    found: list[Prediction] = []
    caller = threading.Thread(target=lambda: found.append(live.predict(request())))
    caller.start()
    assert inside.wait(DEADLINE_SECONDS)
    returned = threading.Event()

    def swap() -> None:
        live.swap(model(1), DEADLINE_SECONDS)
        returned.set()

    loader = threading.Thread(target=swap)
    loader.start()
    try:
        # The new model answers while the old one's call still runs and holds swap back.
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (now := live.identity) is None or now.generation == 0:
            assert time.monotonic() < deadline
        assert live.predict(request()).version == "2"
        assert not returned.wait(0.05)
    finally:
        release.set()
        caller.join()
        loader.join()
    assert returned.is_set()
    assert [answer.version for answer in found] == ["1"]


def test_a_call_that_hangs_delays_a_swap_by_the_deadline_only(
    model: Callable[..., LoadedModel],
) -> None:
    live = Live()
    inside, release = threading.Event(), threading.Event()

    def wait() -> None:
        inside.set()
        release.wait(DEADLINE_SECONDS)

    live.swap(model(0, during=wait))
    caller = threading.Thread(target=lambda: live.predict(request()))
    caller.start()
    try:
        assert inside.wait(DEADLINE_SECONDS)
        before = live.swap(model(1), drain_seconds=0.01)
        assert before is not None and before[0].generation == 0
        assert live.predict(request()).version == "2"
    finally:
        release.set()
        caller.join()


def test_an_engine_that_fails_is_counted_and_the_next_answer_comes(
    model: Callable[..., LoadedModel],
) -> None:
    live = Live()
    faults = [RuntimeError("out of order")]

    def fail_once() -> None:
        if faults:
            raise faults.pop()

    live.swap(model(0, during=fail_once))
    with pytest.raises(EngineError, match="out of order"):
        live.predict(request())
    assert live.predict(request()).sequence == 0
    _, window = taken(live)
    assert (window.predictions, window.failed, window.refused) == (1, 1, 0)
    assert taken(live)[1].failed == 0
