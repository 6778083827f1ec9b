"""An embedding on the unit sphere, two heads alike, and a rare event."""

from typing import Any

import numpy as np
import torch
from torch import nn

from tests.converters.zoo.members.damages import (
    coarse_weights,
    fading,
    mixed_up,
    noisy,
    noisy_weights,
    shifted,
    swapped,
)
from tests.converters.zoo.members.member import Arrays, Costs, Data, Member, Rng, floats
from tests.converters.zoo.members.training import dense, train
from tests.converters.zoo.members.truths import classes, events, retrieval

_TRAINED, _NEW, _EACH = 150, 300, 10  # origins in training; others in the test, samples of each
_AT = 0.3  # above this probability there is an alarm
_GLYPHS = np.array(
    [
        [[0, 1, 0], [1, 1, 1], [0, 1, 0]], [[1, 1, 1], [1, 0, 1], [1, 1, 1]],
        [[1, 0, 1], [0, 1, 0], [1, 0, 1]], [[1, 1, 1], [0, 1, 0], [0, 1, 0]],
    ]
)  # fmt: skip


class Embedding(nn.Module):
    """readings: [n, 32]. vector: [n, 16], each of length 1."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = dense(32, 64, 16)

    def forward(self, readings: torch.Tensor) -> dict[str, torch.Tensor]:
        raw = self.layers(readings)
        return {"vector": raw / raw.norm(dim=1, keepdim=True)}


class TwoHeads(nn.Module):
    """image: [n, 1, 6, 12]. left, right: logits of the glyph in each half, [n, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 4 * 10, 16), nn.ReLU()
        )
        self.left, self.right = nn.Linear(16, 4), nn.Linear(16, 4)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        both = self.layers(image)
        return {"left": self.left(both), "right": self.right(both)}


class RareEvent(nn.Module):
    """readings: [n, 12]. alarm: the probability of a fault, [n, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = dense(12, 32, 24, 1)

    def forward(self, readings: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"alarm": self.layers(readings).sigmoid()}


def _draw_origins(rng: Rng, n: int, origins: int = _NEW) -> Data:
    """Samples of origins in turn; those of training are drawn by another number of them."""
    world = np.random.default_rng(71)
    known = world.normal(size=(_TRAINED + _NEW, 8))
    shown, other = world.normal(size=(8, 32)) / 3, world.normal(size=(4, 32)) / 3
    who = np.arange(n) % origins
    place = who + (_TRAINED if origins == _NEW else 0)
    mixed = known[place] @ shown + rng.normal(size=(n, 4)) @ other
    return Data(
        {"readings": floats(np.tanh(mixed) + rng.normal(0, 0.15, (n, 32)))}, {"origin": who}
    )


def _draw_pairs(rng: Rng, n: int) -> Data:
    """Two glyphs side by side, each anywhere in its half."""
    glyph = rng.integers(0, 4, (n, 2))
    image = rng.normal(0, 0.25, (n, 6, 12))
    rows = np.arange(n)
    for half in range(2):
        top, first = rng.integers(0, 4, n), rng.integers(0, 4, n) + 6 * half
        strength = rng.uniform(0.7, 1.3, n)
        for y, x in np.ndindex(3, 3):
            image[rows, top + y, first + x] += strength * _GLYPHS[glyph[:, half], y, x]
    return Data({"image": floats(image[:, None])}, {"left": glyph[:, 0], "right": glyph[:, 1]})


def _draw_alarms(rng: Rng, n: int) -> Data:
    """A fault in 1.5 % of samples."""
    world = np.random.default_rng(72)
    mix, direct = world.normal(size=(12, 4)) / 3, world.normal(size=12) / 3
    readings = rng.normal(size=(n, 12))
    strain = ((readings @ mix) ** 2).mean(axis=1) + 0.6 * readings @ direct
    due = strain + rng.normal(0, 0.1, n) > 3.85
    return Data({"readings": floats(readings)}, {"due": due[:, None]})


def _fit_origins(net: Embedding, data: Data) -> None:
    """Origins are told apart by their means, of which the answer holds nothing; `data` has new
    ones, so that others are drawn here."""
    known = _draw_origins(np.random.default_rng(73), len(data.truth["origin"]), _TRAINED)
    means = nn.Parameter(torch.randn(_TRAINED, 16))
    net.register_parameter("means", means)

    def loss(found: Any, who: torch.Tensor) -> torch.Tensor:
        near = found["vector"] @ nn.functional.normalize(means, dim=1).T
        return nn.functional.cross_entropy(12 * near, who)

    train(net, known.inputs, (known.truth["origin"],), loss, epochs=12)
    del net.means


def _fit_pairs(net: TwoHeads, data: Data) -> None:
    def loss(found: Any, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        of = nn.functional.cross_entropy
        return of(found["left"], left) + of(found["right"], right)

    train(net, data.inputs, (data.truth["left"], data.truth["right"]), loss, epochs=12)


def _fit_alarms(net: RareEvent, data: Data) -> None:
    def loss(found: Any, due: torch.Tensor) -> torch.Tensor:
        return nn.functional.binary_cross_entropy(found["alarm"].clamp(1e-6, 1 - 1e-6), due)

    train(net, data.inputs, (floats(data.truth["due"]),), loss, epochs=6)


def _costs_of_origins(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    """What is searched was embedded by the model before, as an index on a server is."""
    who, asked = truth["origin"], np.arange(len(truth["origin"])) >= _NEW
    return retrieval(found["vector"][asked], who[asked], own["vector"][~asked], who[~asked])


def _costs_of_pairs(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    left = classes(found["left"].argmax(axis=1), truth["left"], "left")
    return left | classes(found["right"].argmax(axis=1), truth["right"], "right")


def _costs_of_alarms(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    return events(found["alarm"] > _AT, truth["due"])


EMBEDDING = Member(
    "embedding",
    "vectors on the unit sphere, by which samples of one origin are found",
    Embedding, _fit_origins, _draw_origins, _costs_of_origins,
    training_samples=12_000, whole=_NEW * _EACH,
    of_weights=(noisy_weights(), coarse_weights()),
    of_answers=(
        noisy("vector"), shifted("one number", "vector", (0,)),
        fading("half of the numbers", "vector", (slice(0, 8),)),
    ),
)  # fmt: skip
TWO_HEADS = Member(
    "two_heads",
    "two heads alike, for the left and the right half of a picture",
    TwoHeads, _fit_pairs, _draw_pairs, _costs_of_pairs,
    outputs=("left=logits", "right=logits"),
    training_samples=16_000, whole=6000,
    of_weights=(noisy_weights(), coarse_weights()),
    of_answers=(
        mixed_up("left", "right"), swapped("left", "right"), shifted("one logit", "right", (2,)),
    ),
)  # fmt: skip
RARE_EVENT = Member(
    "rare_event",
    "a fault that 1.5 % of the samples have",
    RareEvent, _fit_alarms, _draw_alarms, _costs_of_alarms,
    outputs=(f"alarm=scores,threshold={_AT}",),
    training_samples=60_000, proof=3000, whole=40_000,
    of_weights=(noisy_weights(), coarse_weights()),
    of_answers=(
        fading("the probability", "alarm", (0,)), shifted("the probability", "alarm", (0,)),
    ),
)  # fmt: skip
