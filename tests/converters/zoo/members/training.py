"""How the members' nets are trained, in seconds each."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from tests.converters.zoo.members.member import Array, Arrays

Loss = Callable[..., torch.Tensor]


def train(
    net: nn.Module,
    inputs: Arrays,
    targets: Sequence[Array],
    loss: Loss,
    epochs: int,
    rate: float = 5e-3,
) -> None:
    """Adam with a cosine schedule; loss: of the net's answer and of the targets' rows."""
    given = [torch.from_numpy(array) for array in inputs.values()]
    wanted = [torch.from_numpy(array) for array in targets]
    rows, batch = len(given[0]), 64
    optimiser: Any = torch.optim.Adam(net.parameters(), lr=rate)
    steps = epochs * -(-rows // batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    net.train()
    for _ in range(epochs):
        for some in torch.randperm(rows).split(batch):
            optimiser.zero_grad()
            found = net(*(array[some] for array in given))
            loss(found, *(array[some] for array in wanted)).backward()
            optimiser.step()
            schedule.step()
    net.eval()


def train_steps(
    net: nn.Module,
    given: Sequence[torch.Tensor],
    targets: Sequence[torch.Tensor],
    loss: Loss,
    epochs: int,
    rate: float = 8e-3,
    batch: int = 16,
) -> None:
    """Through time: given: x [sequences, steps, ...] and the first state; targets: by step.

    loss: of the net's answer at a step and of the targets' rows at that step.
    """
    x, state = given
    steps = x.shape[1]
    optimiser: Any = torch.optim.Adam(net.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, rate, total_steps=epochs * -(-len(x) // batch)
    )
    net.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(batch):
            optimiser.zero_grad()
            now, lost = state[rows], torch.zeros(())
            for step in range(steps):
                found = net(x[rows, step], now)
                now = found["h1"]
                lost = lost + loss(found, *(of[rows, step] for of in targets))
            (lost / steps).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    net.eval()


def dense(*widths: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Units(nn.Module):
    """From standardised numbers to the targets' own units; offset, scale: of each column."""

    def __init__(self, offset: Sequence[float], scale: Sequence[float]) -> None:
        super().__init__()
        self.offset: torch.Tensor
        self.scale: torch.Tensor
        self.register_buffer("offset", torch.tensor(offset))
        self.register_buffer("scale", torch.tensor(scale))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.scale + self.offset

    def back(self, targets: Array) -> Array:
        scale, offset = self.scale.numpy(), self.offset.numpy()
        standard: Array = ((targets - offset) / scale).astype(np.float32)
        return standard
