"""Doubles of what surrounds the swap: an engine that adds, a broker in memory, a quiet device."""

import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml import digests
from edgeml.contract import Contract, Tensor
from edgeml.manifest import Manifest, Optimisation
from edgeml.mqtt import Handler, Link
from edgeml.package import Package, split
from edgeml.release import Release
from edgeml.topics import Topics
from edgeml.trust import Verifier
from edgeml_runtime import child
from edgeml_runtime.config import Config, Followed
from edgeml_runtime.engines.base import Engine, Signature, TensorSpec
from edgeml_runtime.engines.environment import made_by
from edgeml_runtime.serving.live import Identity, Live, LoadedModel
from edgeml_runtime.slot import Slot
from edgeml_runtime.store.disk import Store
from edgeml_runtime.store.opened import Opened
from edgeml_runtime.store.record import Installed, Staged
from edgeml_runtime.store.refusals import Refusals
from edgeml_runtime.swap.fetch import Fetcher
from edgeml_runtime.swap.loader import Load
from edgeml_runtime.swap.steps import Stage, Swap
from edgeml_runtime.telemetry.reporter import Reporter
from tests.packages import CONTRACT, tiny_package

FLEET, MODEL, CHANNEL = "test", "tiny", "stable"
TOPICS = Topics(FLEET)
Arrays = dict[str, npt.NDArray[Any]]


class FakeEngine(Engine):
    """y = the first two columns of x; needs no library and no model."""

    name = "fake"
    format = "onnx"

    @classmethod
    def version(cls) -> str:
        return "1"

    def _load(self, path: Path, threads: int, optimisation: Optimisation) -> None: ...

    def _signature(self) -> Signature:
        return Signature(
            (TensorSpec("x", "float32", (-1, 4)),), (TensorSpec("y", "float32", (-1, 2)),)
        )

    def _run(self, feeds: Arrays) -> Arrays:
        return {"y": feeds["x"][:, :2]}


def loaded(
    version: str = "1",
    generation: int = 1,
    contract: Contract = CONTRACT,
    manifest_sha256: str = "0" * 64,
) -> LoadedModel:
    """A model that is ready to predict, without a file of its own."""
    identity = Identity(MODEL, version, generation, manifest_sha256, "onnx-fp32", "fake")
    return LoadedModel(identity, contract, FakeEngine(Path(__file__)))


class MemoryLink(Link):
    """A link to a broker in memory; retained messages come at once, in the caller's thread."""

    def __init__(self) -> None:
        super().__init__("mqtt://localhost", "memory")
        self.retained: dict[str, bytes] = {}
        self.asked: dict[str, Handler] = {}
        self.most_asked = 0
        self.answered: list[str] = []

    def subscribe(self, filters: str | Iterable[str], handler: Handler) -> None:
        for topic in [filters] if isinstance(filters, str) else list(filters):
            self.asked[topic] = handler
            self.most_asked = max(self.most_asked, len(self.asked))
            if topic in self.retained:
                self.answered.append(topic)
                handler(topic, self.retained[topic])

    def unsubscribe(self, filters: str | Iterable[str]) -> None:
        for topic in [filters] if isinstance(filters, str) else list(filters):
            self.asked.pop(topic, None)

    def offer(self, path: Path) -> Manifest:
        """Retains what a publisher would: blobs and manifest."""
        with Package(path) as package:
            for file in package.manifest.files():
                pieces = split(package.read(file), package.manifest.blob_bytes)
                for sha256, piece in zip(file.blobs, pieces, strict=True):
                    self.retained[TOPICS.blob(sha256)] = piece
            self.retained[TOPICS.manifest(package.sha256)] = package.manifest_bytes
            return package.manifest


def release_of(path: Path, generation: int) -> Release:
    with Package(path) as package:
        return Release(
            fleet=FLEET,
            model=MODEL,
            channel=CHANNEL,
            generation=generation,
            version=package.manifest.version,
            manifest_sha256=digests.sha256(package.manifest_bytes),
        )


def fake_stage(
    opened: Opened, engine: str, limits: child.Limits, stopped: Callable[[], bool]
) -> Staged:
    entry = opened.variant.entry
    return Staged(
        entry=entry, files={entry: digests.sha256_file(opened.entry)}, made_by=made_by(engine)
    )


def fake_load(installed: Installed, opened: Opened, threads: int) -> LoadedModel:
    release = installed.release
    return loaded(release.version, release.generation, opened.contract(), release.manifest_sha256)


class Rig:
    """A swap on a real store with everything around it in memory; `said` holds its events."""

    def __init__(
        self,
        folder: Path,
        link: MemoryLink | None = None,
        stage: Stage = fake_stage,
        load: Load = fake_load,
    ) -> None:
        followed = Followed(MODEL, CHANNEL, "onnxruntime")
        self.config = Config(
            broker="mqtt://localhost", fleet=FLEET, device="pi-1", models=(followed,), store=folder
        )
        self.link = link or MemoryLink()
        self.live = Live()
        self._reporter = SaidReporter(self.config, "boot")
        self.reporter = self._reporter.of(followed, self.live)
        self.store = Store(folder)
        self.fetcher = Fetcher(
            self.link, TOPICS, window_blobs=4, stall_seconds=0.1,
            stalled=lambda message: self.reporter.event("stalled", message),
            stopped=lambda: False,
        )  # fmt: skip
        self.slot = Slot.of(
            self.config, followed, self.store, self.live, self.reporter, threading.Lock()
        )
        verifier = Verifier(FLEET, MODEL, CHANNEL)
        self.swap = Swap(self.slot, verifier, self.fetcher, lambda: False, stage, load)

    @property
    def refusals(self) -> Refusals:
        return self.slot.refusals

    @property
    def refused(self) -> list[tuple[str, bool]]:
        """Version and whether for ever, as the disk has it."""
        return [(r.release.version, r.final) for r in self.store.record.refused]

    @property
    def version(self) -> str | None:
        return self.live.identity.version if self.live.identity else None

    @property
    def said(self) -> list[tuple[str, str]]:
        return self._reporter.said


class SaidReporter(Reporter):
    """Keeps (kind, message) of every event."""

    def __init__(self, config: Config, boot: str) -> None:
        super().__init__(config, boot)
        self.said: list[tuple[str, str]] = []

    def event(self, kind: Any, message: str, **about: Any) -> None:
        self.said.append((kind, message))
        super().event(kind, message, **about)


def wide(features: int) -> Contract:
    return Contract(
        inputs=(Tensor(name="x", dtype="float32", shape=("batch", features)),),
        outputs=CONTRACT.outputs,
    )


def package(folder: Path, version: str, size: int = 5000, **how: Any) -> Path:
    """A package `tiny` whose model is `size` bytes of its own."""
    content = np.random.default_rng(int(version)).bytes(size)
    return tiny_package(folder, version, model_bytes=content, **how)


def sample(rows: int = 1) -> Mapping[str, npt.NDArray[Any]]:
    return {"x": np.arange(rows * 4, dtype=np.float32).reshape(rows, 4)}
