"""Streams whose state is the net's own matter: of a GRU and of an LSTM, over 200 steps."""

from typing import Any

import numpy as np
import torch
from torch import nn

from tests.converters.zoo.members.damages import (
    SHARES,
    coarse_weights,
    noisy_weights,
)
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
from tests.converters.zoo.members.truths import classes, events

STEPS, _WIDTH = 200, 24
_KINDS = np.array([[1, 0, 0.5], [-1, 0.5, 0], [0, -1, -0.5], [0.3, 0.6, -1]])
_CHANGE = 0.03  # of a regime, in each step
_SIGNAL = (1.5, -1.5, 1.5)
_OTHERS = ((-1.5, 1.5, 1.5), (1.5, 1.5, -1.5), (1.5, -1.5, -1.5))
_RINGS = 10  # steps


class Regimes(nn.Module):
    """x: noisy readings, [n, 3]; h, h1: of a GRU, [n, 24]. regime: logits of four, [n, 4]."""

    width = _WIDTH

    def __init__(self) -> None:
        super().__init__()
        self.given, self.head = nn.Linear(3, _WIDTH), dense(_WIDTH, _WIDTH, 4)
        self.cell = nn.GRUCell(_WIDTH, _WIDTH)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> dict[str, torch.Tensor]:
        state = self.cell(torch.relu(self.given(x)), h)
        return {"regime": self.head(state), "h1": state}


class Listener(nn.Module):
    """x: two noisy lines, [n, 2]; h, h1: of an LSTM, [n, 48]. alarm: a probability, [n, 1]."""

    width = 2 * _WIDTH

    def __init__(self) -> None:
        super().__init__()
        self.given, self.head = nn.Linear(2, _WIDTH), dense(_WIDTH, _WIDTH, 1)
        self.cell = nn.LSTMCell(_WIDTH, _WIDTH)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> dict[str, torch.Tensor]:
        hidden, cell = self.cell(torch.relu(self.given(x)), (h[:, :_WIDTH], h[:, _WIDTH:]))
        return {
            "alarm": torch.sigmoid(self.head(hidden)),
            "h1": torch.cat([hidden, cell], dim=1),
        }


def _regimes(rng: Rng, n: int) -> Data:
    """What rules for a while is seen through noise."""
    count = n // STEPS
    now = rng.integers(0, len(_KINDS), count)
    seen: list[Array] = []
    true: list[Array] = []
    for _ in range(STEPS):
        changes = rng.random(count) < _CHANGE
        now = np.where(changes, rng.integers(0, len(_KINDS), count), now)
        seen.append(_KINDS[now] + rng.normal(0, 1.0, (count, 3)))
        true.append(now)
    return _data(seen, {"regime": np.stack(true, axis=1).reshape(-1)}, Regimes.width)


def _alarms(rng: Rng, n: int) -> Data:
    """After three beats in one order it rings for ten steps; in other orders it does not."""
    count = n // STEPS
    lines = rng.normal(0, 0.35, (count, STEPS, 2))
    rings = np.zeros((count, STEPS), bool)
    for line, ring in zip(lines, rings, strict=True):
        at = int(rng.integers(5, 25))
        while at < STEPS - 12:
            is_signal = rng.random() < 0.5
            line[at : at + 3, 0] += _SIGNAL if is_signal else _OTHERS[rng.integers(len(_OTHERS))]
            ring[at + 2 : at + 2 + _RINGS] = is_signal
            at += int(rng.integers(15, 40))
    return _data([*lines.swapaxes(0, 1)], {"alarm": rings.reshape(-1, 1)}, Listener.width)


def _data(steps: list[Array], truth: Arrays, width: int) -> Data:
    """All sequences begin with a state of zeros, which people give in every row."""
    x = np.stack(steps, axis=1)
    rows = x.shape[0] * x.shape[1]
    return Data({"x": floats(x.reshape(rows, -1)), "h": np.zeros((rows, width), np.float32)}, truth)


def _fit(net: Any, data: Data) -> None:
    x, h = (torch.from_numpy(a).unflatten(0, (-1, STEPS)) for a in data.inputs.values())
    (name, truth), *_ = data.truth.items()
    target = torch.from_numpy(truth).unflatten(0, (-1, STEPS))

    def loss(found: Any, wanted: torch.Tensor) -> torch.Tensor:
        if name == "regime":
            return nn.functional.cross_entropy(found[name], wanted)
        return nn.functional.binary_cross_entropy(found[name], wanted.float())

    train_steps(net, (x, h[:, 0]), (target,), loss, epochs=40, batch=20)


def _costs_of_regimes(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    """With the state fed back, over all steps."""
    return classes(found["regime"].argmax(axis=1), truth["regime"], "the regime")


def _costs_of_alarms(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    """With the state fed back, over all steps."""
    return events(found["alarm"] > 0.5, truth["alarm"])


def _hook(net: Any, factors: torch.Tensor) -> None:
    """Multiplies the state after each step."""

    def change(_net: Any, _given: Any, found: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return found | {"h1": found["h1"] * factors}

    net.register_forward_hook(change)


def _leaking(net: Any, size: float, rng: Rng) -> None:
    """size: what is lost in 16 steps."""
    _hook(net, torch.full((net.width,), (1 - size) ** (1 / 16)))


def _dead(net: Any, size: float, rng: Rng) -> None:
    """size: the share of channels that are always 0."""
    factors = torch.ones(net.width)
    factors[torch.from_numpy(rng.permutation(net.width)[: round(size * net.width)])] = 0.0
    _hook(net, factors)


_DAMAGES = (
    noisy_weights(),
    coarse_weights(),
    Damage("a leaking state", _leaking, SHARES),
    Damage("dead channels of the state", _dead, SHARES),
)

REGIMES = Member(
    "regimes",
    "a GRU that tells which of four regimes rules, over 200 steps",
    Regimes, _fit, _regimes, _costs_of_regimes,
    outputs=("regime=logits", "h1=state"), labels="regime",
    training_samples=400 * STEPS, proof=8 * STEPS, whole=40 * STEPS, steps=STEPS,
    of_weights=_DAMAGES,
)  # fmt: skip
ALARM = Member(
    "alarm",
    "an LSTM that rings after a signal and not after others, over 200 steps",
    Listener, _fit, _alarms, _costs_of_alarms,
    outputs=("alarm=scores", "h1=state"),
    training_samples=400 * STEPS, proof=8 * STEPS, whole=40 * STEPS, steps=STEPS,
    of_weights=_DAMAGES,
)  # fmt: skip
