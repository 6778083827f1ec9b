"""What a task is, and the training that all of them share."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from edgeml.parity.roles import Role

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Answers = dict[str, Array]
Says = tuple[tuple[str, Role], ...]
"""What each output means; several roles for one whose columns have units of their own."""


@dataclass(frozen=True)
class Size:
    """How much a run may cost. train, test: samples; epochs: a factor on each task's own."""

    train: int
    test: int
    epochs: float

    def of(self, epochs: int) -> int:
        return max(1, round(epochs * self.epochs))


@dataclass(frozen=True)
class Task:
    """net: trained, from inputs to named outputs. inputs: of the test set, whose labels only `cost`
    sees; calibration: others. cost: how bad answers are for the task, one number for each of its
    own figures, in tolerances: a variant whose cost is higher by more than 1 anywhere is bad.
    says: the right roles, regressions with the model's own error. about: the model's own figures.
    """

    name: str
    net: nn.Module
    inputs: torch.Tensor
    calibration: torch.Tensor
    cost: Callable[[Answers], Floats]
    says: Says
    about: str


CALIBRATION = 256


def answers(net: nn.Module, inputs: torch.Tensor) -> Answers:
    """The outputs as float32, the sample first."""
    net.eval()
    with torch.no_grad():
        parts = [net(part) for part in inputs.split(500)]
    return {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}


def train(
    net: nn.Module,
    inputs: torch.Tensor,
    targets: tuple[torch.Tensor, ...],
    loss: Callable[..., torch.Tensor],
    epochs: int,
    rate: float = 3e-3,
    batch: int = 64,
) -> None:
    """Adam with a cosine schedule; loss: of the net's raw answer and the targets' rows."""
    steps = epochs * -(-len(inputs) // batch)
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    net.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs)).split(batch):
            optimiser.zero_grad()
            loss(net.raw(inputs[rows]), *(target[rows] for target in targets)).backward()
            optimiser.step()
            schedule.step()


def tensor(array: Array) -> torch.Tensor:
    if array.dtype.kind == "f":
        array = array.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(array))


class Net(nn.Module):
    """Layers; `raw` is what is trained, `forward` names it, after `last`."""

    def __init__(
        self,
        output: str,
        *layers: nn.Module,
        last: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.output = output
        self.layers = nn.Sequential(*layers)
        self.last = last

    def raw(self, inputs: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.layers(inputs)
        return answer

    def forward(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        raw = self.raw(inputs)
        return {self.output: raw if self.last is None else self.last(raw)}


def dense(*widths: int) -> list[nn.Module]:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return layers[:-1]
