"""What an architecture is to the benchmark, and data of the kind that it takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Arrays = dict[str, np.ndarray]
Kinds = np.ndarray | None
# (samples, random, the class of each sample or None) -> an array, first axis the sample.
Maker = Callable[[int, np.random.Generator, Kinds], np.ndarray]


@dataclass(frozen=True)
class Architecture:
    """One network as its package publishes it.

    build: makes it with random weights; a torch.nn.Module or a keras.Model.
    inputs: what makes a sample's inputs, by name in the order of the call; see Maker.
    about: what it is for, in one or two words.
    package: whose code it is.
    int8: whether it is converted to int8 too; a third of all are.
    classes: of the data, to which the last layer is fitted; 0 where the data have none.
    meaning: what its user says of the answers, as --output takes it, where the graph does not show
        it and the classes of the data, if any, are those of every place in a sample.
    """

    name: str
    about: str
    package: str
    build: Callable[[], Any]
    inputs: Mapping[str, Maker]
    int8: bool = False
    classes: int = 0
    meaning: tuple[str, ...] = ()

    @property
    def framework(self) -> str:
        return "tensorflow" if self.package == "keras" else "torch"

    def data(self, samples: int, seed: int) -> Arrays:
        """Seeded: the same seed gives the same arrays, first axis the sample."""
        random = np.random.default_rng(seed)
        kinds = self.labels(samples) if self.classes else None
        return {name: make(samples, random, kinds) for name, make in self.inputs.items()}

    def labels(self, samples: int) -> np.ndarray:
        """The class of each sample of `data`, which has all of them in turn."""
        return np.arange(samples) % self.classes


def image(size: int, *, channels: int = 3, last: bool = False) -> Maker:
    """Smooth patterns of random contrast and colour under noise, around 0; a class has its own.

    Plain noise would look alike to whatever pools it, and the answers would hardly vary.
    """

    def make(samples: int, random: np.random.Generator, kinds: Kinds) -> np.ndarray:
        coarse = random.normal(0, 1, (samples, channels, 4, 4))
        if kinds is not None:
            coarse = np.random.default_rng(0).normal(0, 1, (99, channels, 4, 4))[kinds] + coarse / 8
        smooth = np.kron(coarse, np.ones((1, 1, size // 4, size // 4)))
        calm = 1.0 if kinds is None else 0.3  # what hides the classes
        contrast = 1 + calm * random.uniform(-0.7, 0.5, (samples, 1, 1, 1))
        colour = calm * random.normal(0, 0.7, (samples, channels, 1, 1))
        found = contrast * smooth + colour + random.normal(0, 0.3 * calm, smooth.shape)
        found = found.astype(np.float32)
        return np.moveaxis(found, 1, -1).copy() if last else found

    return make


def video(frames: int, size: int, *, channels_first: bool) -> Maker:
    """A pattern that drifts from frame to frame: (n, 3, frames, h, w) or (n, frames, 3, h, w)."""

    def make(samples: int, random: np.random.Generator, kinds: Kinds) -> np.ndarray:
        still = image(size)(samples, random, kinds)
        shown = [np.roll(still, 2 * t, axis=-1) * (1 + 0.1 * t) for t in range(frames)]
        return np.stack(shown, axis=2 if channels_first else 1).astype(np.float32)

    return make


def tokens(length: int, words: int) -> Maker:
    """Words at random; a class has most of its words from a part of them."""

    def make(samples: int, random: np.random.Generator, kinds: Kinds) -> np.ndarray:
        found = random.integers(5, words, (samples, length), dtype=np.int64)
        if kinds is not None:
            part = 5 + kinds[:, None] * 4 + random.integers(0, 4, found.shape)
            found = np.where(random.random(found.shape) < 0.95, part, found)
        return found

    return make


def padding(length: int) -> Maker:
    """1 for the tokens of a sentence of random length, 0 behind them."""

    def make(samples: int, random: np.random.Generator, kinds: Kinds) -> np.ndarray:
        ends = random.integers(length // 3, length + 1, (samples, 1))
        return (np.arange(length) < ends).astype(np.int64)

    return make


def signal(*shape: int) -> Maker:
    """Time comes first: waves of random pitch and loudness under noise; a class has its own."""

    def make(samples: int, random: np.random.Generator, kinds: Kinds) -> np.ndarray:
        time = np.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1))
        size = (samples, 1, *shape[1:])
        pitch, phase = random.uniform(0.02, 0.6, size), random.uniform(0, 6.3, size)
        loud = random.uniform(0.2, 1.5, size)
        if kinds is not None:
            own = np.random.default_rng(0).uniform(0.02, 1.5, (2, 99, *size[1:]))[:, kinds]
            pitch, loud = own[0] / 2 + pitch / 999, own[1] + loud / 16
        waves = loud * np.sin(pitch * time + phase)
        return (waves + random.normal(0, 0.1, waves.shape)).astype(np.float32)

    return make


def turned(make: Maker) -> Maker:
    """The last two axes the other way round."""
    return lambda samples, random, kinds: np.swapaxes(make(samples, random, kinds), -1, -2).copy()
