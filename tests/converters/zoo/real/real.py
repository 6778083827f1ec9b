"""What a real model of the zoo is: one that nobody here wrote, with a task whose truth is known."""

import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeml.manifest import Format
from tests.converters.zoo.known import Feedback, Known, Run
from tests.converters.zoo.members.member import Arrays, Costs, Data, Rng

PACKAGES = Path(sys.prefix) / "model-packages"
SOURCES = Path(__file__).parent / "sources.py"
_ROWS = 64  # at a time


def missing() -> str:
    """Which of their packages are not there, and what to do; empty where all are."""
    wanted = ("basic_pitch", "rapidocr_onnxruntime", "resemblyzer", "silero_vad")
    absent = ", ".join(name for name in wanted if not (PACKAGES / name).is_dir())
    return f"{absent} not in {PACKAGES}; run scripts/test, which fetches it" if absent else ""


@dataclass(frozen=True)
class Real:
    """about: of the net and its task, in a few words.

    source: as `edgeml convert` takes it. run: makes what answers as the model itself does.
    draw: so many samples of the task, the truth by how they were made.
    costs: of answers, by the truth, and by the model's own.
    outputs: what `--output` says. labels: the key of the truth that is given as labels.
    proof: as many samples `--data` has; whole: those that the truth is measured on, with them.
    calibrating: as many `--calibration-data` has. feedback: of a state that goes back in.
    """

    name: str
    about: str
    source: str | Path
    run: Callable[[], Run]
    draw: Callable[[Rng, int], Data]
    costs: Callable[[Arrays, Arrays, Arrays], Costs]
    formats: tuple[Format, ...]
    outputs: tuple[str, ...] = ()
    labels: str = ""
    options: tuple[str, ...] = ()
    proof: int = 160
    whole: int = 640
    calibrating: int = 96
    feedback: Feedback | None = None

    def known(self) -> Known:
        return Known(
            _piecewise(self.run()), self.draw(self._rng(1), self.whole), self.costs, self.feedback
        )

    def calibration(self) -> Arrays:
        return self.draw(self._rng(2), self.calibrating).inputs

    def _rng(self, part: int) -> Rng:
        return np.random.default_rng([zlib.crc32(self.name.encode()), part])


def _piecewise(run: Run) -> Run:
    """So many rows at a time, of which more would need gigabytes."""

    def answer(inputs: Arrays) -> Arrays:
        count = len(next(iter(inputs.values())))
        parts = [
            run({name: array[first : first + _ROWS] for name, array in inputs.items()})
            for first in range(0, count, _ROWS)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    return answer
