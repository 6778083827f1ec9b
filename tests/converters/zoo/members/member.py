"""What a member of the zoo is: a net with a task whose truth is known, and how it is asked."""

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]
Rng = np.random.Generator
WEIGHTS = Path(__file__).parent / "weights.npz"
_ROWS = 2000  # at a time


@dataclass(frozen=True)
class Data:
    """inputs: by name, the sample first. truth: what is really there, which no judge sees."""

    inputs: Arrays
    truth: Arrays


@dataclass(frozen=True)
class Cost:
    """How bad answers are in one figure of the task, and by how much more they may be.

    of_one: whether it is what is lost of a metric that is 1 at best.
    """

    lost: float
    tolerance: float
    of_one: bool = True

    @property
    def value(self) -> float:
        """As people know the figure."""
        return 1 - self.lost if self.of_one else self.lost


Costs = dict[str, Cost]
"""By the figure's name, first what the member is known by."""


@dataclass(frozen=True)
class Damage:
    """A fault of growing size, of the net's weights in place, or of what it is given or answers.

    change: takes the net or the arrays, the size, and random numbers that are the same at all
    sizes; arrays are its own to write into. sizes: from one that does nothing to one that ruins.
    """

    name: str
    change: Callable[[Any, float, Rng], None]
    sizes: tuple[float, ...]


@dataclass(frozen=True)
class Member:
    """about: of the net and its task, in a few words.

    net: untrained. fit: trains it. draw: so many samples of the task.
    costs: of answers, by the truth, and by the model's own answers where something is made of them
    before. training_samples: how many `fit` is given.
    outputs: what `--output` says. labels: the key of the truth that is given as labels.
    proof: as many samples the verdict sees; whole: those that the truth is measured on, with them.
    steps: of a sequence where the state `h1` is given back as `h`, else 0.
    """

    name: str
    about: str
    net: Callable[[], nn.Module]
    fit: Callable[[Any, Data], None]
    draw: Callable[[Rng, int], Data]
    costs: Callable[[Arrays, Arrays, Arrays], Costs]
    outputs: tuple[str, ...] = ()
    labels: str = ""
    training_samples: int = 4000
    proof: int = 400
    whole: int = 3000
    of_weights: tuple[Damage, ...] = ()
    of_answers: tuple[Damage, ...] = ()
    of_inputs: tuple[Damage, ...] = ()
    steps: int = 0

    def trained(self) -> nn.Module:
        """With the weights that are kept beside this file."""
        net = self.net()
        with np.load(WEIGHTS) as kept:
            state = {
                name: torch.from_numpy(kept[f"{self.name}/{name}"]).to(value.dtype)
                for name, value in net.state_dict().items()
            }
        net.load_state_dict(state)
        return net.eval()

    def data(self) -> Data:
        return self.draw(self._rng(1), self.whole)

    def calibration(self) -> Data:
        """Others, by which static int8 is calibrated."""
        return self.draw(self._rng(2), max(256, 2 * self.steps))

    def train(self) -> nn.Module:
        """Anew, in seconds."""
        torch.manual_seed(0)
        net = self.net()
        self.fit(net, self.draw(self._rng(3), self.training_samples))
        return net.eval()

    def _rng(self, part: int) -> Rng:
        return np.random.default_rng([zlib.crc32(self.name.encode()), part])


def answers(net: nn.Module, inputs: Arrays) -> Arrays:
    """The outputs by name, the sample first."""
    tensors = {name: torch.from_numpy(array).split(_ROWS) for name, array in inputs.items()}
    with torch.no_grad():
        parts = [
            net(**dict(zip(tensors, rows, strict=True)))
            for rows in zip(*tensors.values(), strict=True)
        ]
    return {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}


def worse(costs: Costs, own: Costs) -> float:
    """By how many tolerances, in the figure where it is most; infinite where one is no number."""
    lost = [(of.lost - own[name].lost) / of.tolerance for name, of in costs.items()]
    return max(math.inf if math.isnan(of) else of for of in lost)


def floats(array: Array) -> Array:
    return np.ascontiguousarray(array, np.float32)
