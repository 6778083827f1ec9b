"""The live model: answers come from it while the next one replaces it in one assignment."""

import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml import latency
from edgeml.contract import Contract
from edgeml.errors import ContractError, EdgemlError, EngineError
from edgeml_runtime import memory
from edgeml_runtime.engines.base import Engine


class NoModelError(EngineError):
    """Asked for a prediction before the first model was taken up."""


@dataclass(frozen=True)
class Identity:
    """Which model, exactly: the manifest's digest says it all, the rest is for people."""

    model: str
    version: str
    generation: int
    manifest_sha256: str
    variant: str
    engine: str


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to predict. since: when it was loaded, by time.monotonic."""

    identity: Identity
    contract: Contract
    engine: Engine
    since: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Prediction:
    """An answer of exactly one version; latency_us from the check of the inputs to the outputs."""

    outputs: dict[str, npt.NDArray[Any]]
    version: str
    generation: int
    sequence: int
    latency_us: float


@dataclass(frozen=True)
class Window:
    """What was counted since the last window: see telemetry.Report."""

    start_ms: int
    window_ms: int
    predictions: int
    failed: int
    refused: int
    latency: npt.NDArray[np.int64]


class Live:
    """Holds the model that predicts. `predict` may be called from any number of threads."""

    def __init__(self) -> None:
        # Read as one, so that an answer and its count are always of one model.
        self._current: tuple[LoadedModel, _Counts] | None = None
        self._sequence = count()

    @property
    def identity(self) -> Identity | None:
        current = self._current
        return current[0].identity if current else None

    @property
    def since(self) -> float | None:
        """When the model that predicts was loaded; None before the first."""
        current = self._current
        return current[0].since if current else None

    @property
    def contract(self) -> Contract | None:
        current = self._current
        return current[0].contract if current else None

    def predict(self, tensors: Mapping[str, npt.NDArray[Any]]) -> Prediction:
        """Outputs for inputs by the contract's names.

        Raises ContractError when the inputs do not satisfy the contract, EngineError when the
        engine fails, NoModelError before the first model.
        """
        begin = time.perf_counter_ns()
        current = self._current  # read once: whatever is swapped meanwhile, this is one model's
        if current is None:
            raise NoModelError("No model has been taken up yet; publish a release for this device.")
        model, counts = current
        try:
            model.contract.check_inputs(tensors)
            outputs = model.engine.run(tensors)
        except ContractError:
            counts.refused.append(None)
            raise
        except EdgemlError:
            counts.failed.append(None)
            raise
        identity = model.identity
        took = (time.perf_counter_ns() - begin) / 1e3
        counts.latencies_us.append(took)
        return Prediction(
            outputs, identity.version, identity.generation, next(self._sequence), took
        )

    def swap(self, new: LoadedModel, drain_seconds: float = 30.0) -> tuple[Identity, Window] | None:
        """Makes `new` the live model; returns the one before with what it answered and nobody took.

        Call it from a loader thread: it waits for the calls that still run on the old model, drops
        it here and gives its memory back. A call that outlives `drain_seconds` drops it later.
        """
        before, self._current = self._current, (new, _Counts())
        if before is None:
            return None
        old, counts = before
        del before
        identity = old.identity
        deadline = time.monotonic() + drain_seconds
        # A running predict holds one reference more than an object that only a local name holds:
        # counting them so costs the predicting threads nothing.
        alone = object()
        while sys.getrefcount(old) > sys.getrefcount(alone) and time.monotonic() < deadline:
            time.sleep(0.001)
        del old
        memory.trim()
        return identity, counts.take()

    def adopt(self, generation: int) -> tuple[Identity, Window] | None:
        """Puts the live model under a newer generation that names the very same package; returns
        what it answered under the older one and nobody took."""
        current = self._current
        if current is None:
            return None
        model, counts = current
        identity = model.identity
        window = counts.take()
        adopted = replace(model, identity=replace(identity, generation=generation))
        self._current = adopted, counts
        return identity, window

    def take_window(self) -> tuple[Identity, Window] | None:
        """The live model and what was counted since the last call; None before the first model.

        Not one is lost or counted twice.
        """
        current = self._current
        return (current[0].identity, current[1].take()) if current else None


class _Counts:
    """Counters without a lock for those who predict: appending to a list is atomic and so is
    cutting off its head. Takers exclude each other."""

    def __init__(self) -> None:
        self._taking = threading.Lock()
        self.latencies_us: list[float] = []
        self.failed: list[None] = []
        self.refused: list[None] = []
        self._start()

    def _start(self) -> None:
        self._start_ms = time.time_ns() // 1_000_000
        self._begin = time.monotonic()

    def take(self) -> Window:
        with self._taking:
            return self._take()

    def _take(self) -> Window:
        latencies = _cut(self.latencies_us)
        window = Window(
            start_ms=self._start_ms,
            window_ms=round((time.monotonic() - self._begin) * 1000),
            predictions=len(latencies),
            failed=len(_cut(self.failed)),
            refused=len(_cut(self.refused)),
            latency=latency.counts(latencies),
        )
        self._start()
        return window


def _cut(values: list[Any]) -> list[Any]:
    """Takes what is in `values` now; what is appended meanwhile stays."""
    taken = values[:]
    del values[: len(taken)]
    return taken
