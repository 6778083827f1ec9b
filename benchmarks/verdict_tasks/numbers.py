"""Numbers: mixed units with much error, one precise gauge, and a recurrent filter of a signal."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from edgeml.parity.roles import Kind, Role
from verdict_tasks.task import (
    CALIBRATION,
    Answers,
    Array,
    Floats,
    Size,
    Task,
    answers,
    dense,
    tensor,
    train,
)

_GROWTH = 0.01  # of the spread of a column, by which the mean absolute error may grow


class _Units(nn.Module):
    """Layers that are trained on standardised targets, and answer in the targets' own units."""

    def __init__(self, output: str, layers: nn.Module, targets: Array) -> None:
        super().__init__()
        self.output, self.layers = output, layers
        axes = tuple(range(targets.ndim - 1))
        self.register_buffer("offset", tensor(targets.mean(axis=axes)))
        self.register_buffer("scale", tensor(targets.std(axis=axes)))

    def raw(self, inputs: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.layers(inputs)
        return answer

    def forward(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        return {self.output: self.raw(inputs) * self.scale + self.offset}

    def fit(self, inputs: Array, targets: Array, epochs: int) -> None:
        wanted = (tensor(targets) - self.offset) / self.scale
        train(self, tensor(inputs), (wanted,), nn.functional.smooth_l1_loss, epochs, rate=5e-3)


class _Recurrent(nn.Module):
    """A gated cell (Cho et al. 2014) of plain layers, over [n, steps, inputs]."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.gates = nn.Linear(inputs + hidden, 2 * hidden)
        self.new = nn.Linear(inputs + hidden, hidden)
        self.out = nn.Linear(hidden, outputs)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        state = signal.new_zeros(signal.shape[0], self.hidden)
        states = []
        for x in signal.unbind(dim=1):
            update, reset = self.gates(torch.cat([x, state], dim=1)).sigmoid().chunk(2, dim=1)
            new = self.new(torch.cat([x, reset * state], dim=1)).tanh()
            state = update * state + (1 - update) * new
            states.append(state)
        answer: torch.Tensor = self.out(torch.stack(states, dim=1))
        return answer


def furnace(size: Size) -> Task:
    """A length in metres, a share of a thousandth and a temperature, all with much noise."""
    rng = np.random.default_rng(51)
    first, second = rng.normal(size=(12, 8)) / 3, rng.normal(size=(8, 3)) / 2

    def draw(n: int) -> tuple[Array, Array]:
        x = rng.normal(size=(n, 12))
        y = np.tanh(x @ first) @ second + rng.normal(0, 1, (n, 3)) * [0.1, 0.25, 0.5]
        return x, y * [40.0, 2e-4, 15.0] + [140.0, 1e-3, 400.0]

    x, y = draw(2 * size.train)
    net = _Units("readings", nn.Sequential(*dense(12, 48, 32, 3)), y)
    net.fit(x, y, size.of(12))
    return _task("furnace", net, draw(size.test), draw(CALIBRATION)[0], "regression")


def gauge(size: Size) -> Task:
    """One smooth function without noise, which the net meets to a few hundredths of its spread."""
    rng = np.random.default_rng(52)
    bend = rng.normal(size=(4, 6)) / 2

    def draw(n: int) -> tuple[Array, Array]:
        x = rng.uniform(-1, 1, (n, 4))
        return x, 20 + 3 * np.sin(2 * x @ bend).sum(axis=1, keepdims=True)

    x, y = draw(2 * size.train)
    net = _Units("level", nn.Sequential(*dense(4, 48, 48, 1)), y)
    net.fit(x, y, size.of(25))
    return _task("gauge", net, draw(size.test), draw(CALIBRATION)[0], "regression")


def pendulum(size: Size) -> Task:
    """Place and speed of a damped swing that is pushed at random, from two noisy sensors."""
    rng = np.random.default_rng(53)

    def draw(n: int) -> tuple[Array, Array]:
        place, speed = rng.normal(size=(2, n))
        rate = rng.uniform(0.2, 0.5, n)
        seen, true = [], []
        for _ in range(32):
            speed = 0.97 * speed - rate * np.sin(place) + rng.normal(0, 0.1, n)
            place = place + rate * speed
            both = np.stack([np.sin(place), np.cos(place)], axis=1)
            seen.append(both + rng.normal(0, 0.3, both.shape))
            true.append(np.stack([np.sin(place), 250 * speed], axis=1))
        return np.stack(seen, axis=1), np.stack(true, axis=1)

    x, y = draw(size.train)
    net = _Units("swing", _Recurrent(2, 24, 2), y)
    net.fit(x, y, size.of(10))
    return _task("pendulum", net, draw(size.test), draw(CALIBRATION)[0], "signal")


def _task(name: str, net: _Units, test: tuple[Array, Array], rows: Array, kind: Kind) -> Task:
    inputs, y = tensor(test[0]), test[1]
    axes = tuple(range(y.ndim - 1))
    spread = y.std(axis=axes)

    def cost(found: Answers) -> Floats:
        return np.abs(found[net.output] - y).mean(axis=axes) / spread / _GROWTH

    errors: Sequence[float] = cost(answers(net, inputs)) * _GROWTH * spread
    says = tuple(
        (net.output, Role(kind=kind, axis=y.ndim - 1, start=c, stop=c + 1, error=float(error)))
        for c, error in enumerate(errors)
    )
    about = "error in spreads " + ", ".join(f"{e:.3f}" for e in errors / spread)
    return Task(name, net, inputs, tensor(rows), cost, says, about)


TASKS = {"furnace": furnace, "gauge": gauge, "pendulum": pendulum}
