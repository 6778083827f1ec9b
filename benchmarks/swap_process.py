"""One serving process of benchmarks/swap.py: predicts without pause while models are swapped.

`python benchmarks/swap_process.py PLAN` prints one JSON object. Ours and the rival are two small
classes of one shape; what calls and measures them is the same code.
"""

import gc
import json
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import edgeml as edgeml  # before onnxruntime, which it keeps from phoning home

SETTLE_SECONDS = 0.3  # after a swap; still "around" it


@dataclass(frozen=True)
class Plan:
    """rate_hz: 0 is a closed loop. versions: a package folder each, taken in turn.

    stage_each: stage before every swap, as a device does; else once, before the clock starts.
    sample_memory: read RssAnon every 2 ms, which disturbs latency.
    """

    mode: str  # ours or naive
    versions: list[str]
    rate_hz: float
    steady_seconds: float
    swaps: int
    gap_seconds: float
    stage_each: bool
    sample_memory: bool


class Ours:
    """The product's own path: stage in a child, load at nice 19, swap."""

    def __init__(self, plan: Plan) -> None:
        from edgeml.limits import LIMITS
        from edgeml_runtime import child, memory
        from edgeml_runtime.serving.live import Identity, Live
        from edgeml_runtime.store.opened import Opened
        from edgeml_runtime.swap import loader, stage

        memory.configure()
        self._identity, self._loader, self._stage = Identity, loader, stage
        self._limits = child.Limits(LIMITS.stage_wall_seconds)
        self._opened = [Opened.read(Path(v), "onnx-fp32") for v in plan.versions]
        self._each = plan.stage_each
        self._staged = [self._prepare(o) for o in self._opened]
        self._live = Live()
        self.swap(0)

    def _prepare(self, opened: Any) -> Path:
        staged = self._stage.stage(opened, "onnxruntime", self._limits, lambda: False)
        return Path(opened.folder / staged.entry)

    def swap(self, number: int) -> None:
        which = number % len(self._opened)
        opened = self._opened[which]
        if self._each and number:
            self._staged[which] = self._prepare(opened)
        identity = self._identity(
            "net", str(which), number + 1, "0" * 64, opened.variant.id, "onnxruntime"
        )

        def take_over() -> None:
            loaded = self._loader.load(
                identity, opened.contract(), opened.variant, self._staged[which], opened.holdout()
            )
            self._live.swap(loaded)

        self._loader.at_low_priority(take_over)

    def predict(self, image: Any) -> tuple[Any, int]:
        """Scores, and the version that gave them."""
        answer = self._live.predict({"image": image})
        return answer.outputs["scores"], int(answer.version)


class Naive:
    """What people write first: a session with default options in a thread, then an assignment."""

    def __init__(self, plan: Plan) -> None:
        import onnxruntime

        self._open = onnxruntime.InferenceSession
        self._files = [f"{v}/variants/onnx-fp32/model.onnx" for v in plan.versions]
        self._model = (self._open(self._files[0]), 0)

    def swap(self, number: int) -> None:
        which = number % len(self._files)

        def load() -> None:
            self._model = (self._open(self._files[which]), which)

        thread = threading.Thread(target=load)
        thread.start()
        thread.join()

    def predict(self, image: Any) -> tuple[Any, int]:
        session, version = self._model
        return session.run(None, {"image": image})[0], version


class Load:
    """Calls `predict` at a rate or in a closed loop, and checks that each answer is its version's.

    A latency counts from the moment at which its request was due, so that a stall is paid by all
    requests that it delays.
    """

    def __init__(self, predict: Callable[[Any], tuple[Any, int]], plan: Plan) -> None:
        self._predict = predict
        self._period = 1 / plan.rate_hz if plan.rate_hz else 0.0
        holdouts = [np.load(Path(v) / "holdout.npz") for v in plan.versions]
        self._image = holdouts[0]["inputs/image"][:1]
        self._expected = [h["expected/scores"][:1] for h in holdouts]
        self._stop = threading.Event()
        self.sent = self.answered = self.failed = 0
        self.times: list[tuple[float, float]] = []  # due, latency; seconds

    def run(self) -> None:
        due = time.perf_counter()
        while not self._stop.is_set():
            now = time.perf_counter()
            if now < due:
                time.sleep(due - now)
            begin = due if self._period else now
            self.sent += 1
            try:
                scores, version = self._predict(self._image)
                self.times.append((begin, time.perf_counter() - begin))
                self.answered += 1
                if not np.allclose(scores, self._expected[version], rtol=1e-3, atol=1e-3):
                    self.failed += 1
            except Exception:
                self.answered += 1
                self.failed += 1
            due += self._period

    def __enter__(self) -> "Load":
        self._thread = threading.Thread(target=self.run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


class PrivateMemory:
    """The largest RssAnon, which has no high-water mark of its own in the kernel."""

    def __init__(self, sample: bool) -> None:
        self.peak_kib = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run) if sample else None

    def _run(self) -> None:
        while not self._stop.wait(0.002):
            self.peak_kib = max(self.peak_kib, status_kib("RssAnon"))

    def __enter__(self) -> "PrivateMemory":
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()


def measure(plan: Plan) -> dict[str, Any]:
    server: Any = Naive(plan) if plan.mode == "naive" else Ours(plan)
    around: list[tuple[float, float]] = []
    took: list[float] = []
    with Load(server.predict, plan) as load:
        time.sleep(SETTLE_SECONDS)
        gc.collect()
        steady_from = time.perf_counter()
        time.sleep(plan.steady_seconds)
        steady_to = time.perf_counter()
        rss_before, private_before = status_kib("VmRSS"), status_kib("RssAnon")
        reset_peak()
        with PrivateMemory(plan.sample_memory) as private:
            for number in range(1, plan.swaps + 1):
                begin = time.perf_counter()
                server.swap(number)
                took.append(time.perf_counter() - begin)
                around.append((begin, begin + took[-1] + SETTLE_SECONDS))
                time.sleep(plan.gap_seconds)
        peak = status_kib("VmHWM")
        time.sleep(SETTLE_SECONDS)
        rss_after = status_kib("VmRSS")
    return {
        **asdict(plan),
        "failed": load.failed,
        "lost": load.sent - load.answered,
        "sent": load.sent,
        "steady": [s for due, s in load.times if steady_from <= due < steady_to],
        "around": [s for due, s in load.times if any(a <= due < b for a, b in around)],
        "swap_seconds": float(np.median(took)),
        "rss_before_kib": rss_before,
        "rss_after_kib": rss_after,
        "peak_kib": peak,
        "private_before_kib": private_before,
        "private_peak_kib": private.peak_kib,
    }


def status_kib(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {key}")


def reset_peak() -> None:
    """VmHWM begins again at VmRSS: proc(5), /proc/PID/clear_refs."""
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    print(json.dumps(measure(Plan(**json.loads(sys.argv[1])))))
