"""A device with little memory: a trial takes it from nobody, and where it ends it goes first."""

import os
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgeml import holdout
from edgeml.holdout import Holdout
from edgeml_runtime import child, memory
from edgeml_runtime.swap import loader
from tests.runtime.test_child import GIGABYTE, Run, run
from tests.runtime_doubles import FakeEngine

__all__ = ["run"]  # the fixture
ROWS = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)


def test_one_sample_of_a_holdout_is_read_without_the_others(tmp_path: Path) -> None:
    images = np.random.default_rng(0).normal(size=(64, 3, 64, 64)).astype(np.float32)
    made = Holdout(
        {"x": images}, {"y": images[:, 0]}, np.arange(64), {"y": np.ones(64)},
        {("v", "e"): {"y": np.ones((2, 64), np.float16)}},
    )  # fmt: skip
    file = tmp_path / "holdout.npz"
    file.write_bytes(holdout.encode(made))
    tracemalloc.start()
    first = holdout.decode(file, first=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < images.nbytes / 8
    expected = made.first()
    assert first.samples == 1 and first.labels is not None and first.labels.tolist() == [0]
    np.testing.assert_array_equal(first.inputs["x"], expected.inputs["x"])
    np.testing.assert_array_equal(first.expected["y"], expected.expected["y"])
    np.testing.assert_array_equal(first.noise["v", "e"]["y"], expected.noise["v", "e"]["y"])
    assert holdout.decode(file.read_bytes()).samples == holdout.decode(file).samples == 64


def test_the_self_test_asks_few_samples_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    class Counting(FakeEngine):
        def _run(self, feeds: dict[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
            asked.append(len(feeds["x"]))
            return super()._run(feeds)

    monkeypatch.setattr(loader, "_BATCH_BYTES", 10 * ROWS[0].nbytes)
    engine = Counting(Path(__file__))
    found = loader.answers_in_batches(engine, {"x": ROWS})
    assert asked == [10] * 6 + [4]
    np.testing.assert_array_equal(found["y"], ROWS[:, :2])
    monkeypatch.setattr(loader, "_BATCH_BYTES", 1)
    asked.clear()
    loader.answers_in_batches(engine, {"x": ROWS[:3]})
    assert asked == [1, 1, 1]


def test_where_memory_ends_the_trial_goes_before_the_live_model(run: Run) -> None:
    answer = run("os.write(fd, open('/proc/self/oom_score_adj', 'rb').read())")
    assert answer == b"1000\n"
    assert int(Path("/proc/self/oom_score_adj").read_text()) < 1000


def test_a_trial_has_most_of_what_is_left_and_not_4_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda: 300 << 20)
    limits = child.Limits(5.0).settled()
    assert limits.memory_bytes == 240 << 20 and limits.wall_seconds == 5.0
    assert child.Limits(5.0, 7).settled() == child.Limits(5.0, 7)
    monkeypatch.setattr(memory, "available_bytes", lambda: None)
    assert child.Limits(5.0).settled().memory_bytes == 4 * GIGABYTE


def test_what_is_available_is_what_the_kernel_says() -> None:
    found = memory.available_bytes()
    assert found is not None
    assert 0 < found <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_what_is_only_reserved_counts_for_nothing(run: Run) -> None:
    """An engine reserves a lot of addresses, and a limit on those protects no small board."""
    code = "import mmap\nmmap.mmap(-1, 8 << 30, prot=mmap.PROT_READ)\nos.write(fd, b'reserved')"
    assert run(code, space=200 << 20) == b"reserved"
