"""A stream: a net whose state is given back to it, over 200 steps."""

from typing import Any

import numpy as np
import torch
from torch import nn

from tests.converters.zoo.members.damages import SHARES, coarse_weights, noisy_weights
from tests.converters.zoo.members.member import (
    Array,
    Arrays,
    Costs,
    Damage,
    Data,
    Member,
    Rng,
    floats,
)
from tests.converters.zoo.members.training import dense, train_steps
from tests.converters.zoo.members.truths import numbers

STEPS = 200
_FIRST = 100  # steps of a sequence in training
_RATE = 0.15


class Observer(nn.Module):
    """x: two noisy places and a push, [n, 3]. h, h1: the estimate of place and speed of two swings
    before and after, [n, 4]. y: what is estimated of their energies, [n, 2]."""

    def __init__(self) -> None:
        super().__init__()
        self.keep = nn.Linear(4, 4, bias=False)
        self.step, self.head = dense(7, 24, 4), dense(4, 24, 2)
        self.keep.weight.data = torch.eye(4)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> dict[str, torch.Tensor]:
        state = self.keep(h) + 0.3 * self.step(torch.cat([x, h], dim=1))
        return {"y": self.head(state), "h1": state}


def _draw(rng: Rng, n: int, steps: int = STEPS) -> Data:
    """Sequences one after another; the state in a row is what is true before it, but for noise."""
    count = n // steps
    place, speed = 0.7 * rng.normal(size=(2, count, 2))
    push = np.zeros(count)
    given: list[Array] = []
    before: list[Array] = []
    after: list[Array] = []
    for _ in range(steps):
        before.append(np.concatenate([place, speed], axis=1))
        push = 0.9 * push + 0.2 * rng.normal(size=count)
        force = np.stack([push, -0.5 * push], axis=1) - np.array([1.0, 1.6]) * np.sin(place)
        speed = 0.98 * speed + _RATE * (force + 0.3 * (place[:, ::-1] - place))
        place = place + _RATE * speed
        seen = place + rng.normal(0, 0.2, place.shape)
        given.append(np.concatenate([seen, push[:, None]], axis=1))
        after.append(np.concatenate([place, speed], axis=1))
    x, h, h1 = (np.stack(of, axis=1).reshape(count * steps, -1) for of in (given, before, after))
    energy = h1[:, 2:] ** 2 / 2 + np.array([1.0, 1.6]) * (1 - np.cos(h1[:, :2]))
    h = h + rng.normal(0, 0.05, h.shape)
    return Data({"x": floats(x), "h": floats(h)}, {"y": floats(energy), "h1": floats(h1)})


def _fit(net: Observer, data: Data) -> None:
    """Through time, over the first steps of each sequence."""
    x, h, y, h1 = (
        torch.from_numpy(array).unflatten(0, (-1, STEPS))[:, :_FIRST]
        for array in (*data.inputs.values(), *data.truth.values())
    )

    def loss(found: Any, energy: torch.Tensor, after: torch.Tensor) -> torch.Tensor:
        return (found["y"] - energy).abs().mean() + (found["h1"] - after).abs().mean()

    train_steps(net, (x, h[:, 0]), (y, h1), loss, epochs=50)


def _costs(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    """With the state fed back, over all steps."""
    y = numbers(found["y"], truth["y"], "energy")
    return y | numbers(found["h1"], truth["h1"], "state")


def _leaking(net: Any, size: float, rng: Rng) -> None:
    """size: what is lost in 16 steps."""
    net.keep.weight.data *= (1 - size) ** (1 / 16)


STREAM = Member(
    "stream",
    "a net whose state is fed back over 200 steps",
    Observer, _fit, _draw, _costs,
    outputs=("h1=state,error=0.05",), labels="y",
    training_samples=200 * STEPS, proof=4 * STEPS, whole=40 * STEPS, steps=STEPS,
    of_weights=(
        noisy_weights(), coarse_weights(),
        Damage("a leaking state", _leaking, SHARES),
    ),
)  # fmt: skip
