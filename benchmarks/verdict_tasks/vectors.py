"""Vectors by which one tells whether two samples are of one origin."""

import numpy as np
import torch
from torch import nn

from edgeml.parity.roles import Role
from verdict_tasks.task import (
    CALIBRATION,
    Answers,
    Array,
    Floats,
    Net,
    Size,
    Task,
    answers,
    dense,
    tensor,
    train,
)

_POINTS = 0.01  # of verification accuracy, or of recall
_SAYS = (("vector", Role(kind="embedding")),)
_TRAINED, _NEW, _EACH = 150, 300, 16  # origins in training; others in the test, samples of each


class _Embedding(Net):
    """Trained to tell known origins apart by their means, of which the answer holds nothing."""

    def __init__(self) -> None:
        unit = nn.functional.normalize
        super().__init__("vector", *dense(48, 96, 32), last=lambda raw: unit(raw, dim=1))
        self.means = nn.Parameter(torch.randn(_TRAINED, 32))

    def loss(self, raw: torch.Tensor, who: torch.Tensor) -> torch.Tensor:
        unit = nn.functional.normalize
        near = unit(raw, dim=1) @ unit(self.means, dim=1).T
        return nn.functional.cross_entropy(16 * near, who)


def _trained(seed: int, size: Size) -> tuple[_Embedding, Array, Array]:
    """The net, inputs of new origins, `_EACH` in a row of each, and inputs to calibrate on."""
    rng = np.random.default_rng(seed)
    known = rng.normal(size=(_TRAINED + _NEW, 10))
    shown, other = rng.normal(size=(10, 48)) / 3, rng.normal(size=(6, 48)) / 3

    def draw(who: Array) -> Array:
        mixed = known[who] @ shown + rng.normal(size=(len(who), 6)) @ other
        return np.tanh(mixed) + rng.normal(0, 0.25, (len(who), 48))

    net = _Embedding()
    who = rng.integers(0, _TRAINED, 3 * size.train)
    train(net, tensor(draw(who)), (tensor(who),), net.loss, size.of(10))
    calibration = draw(rng.integers(0, _TRAINED, CALIBRATION))
    return net, draw(np.repeat(np.arange(_TRAINED, _TRAINED + _NEW), _EACH)), calibration


def origins(size: Size) -> Task:
    """Verification: are two samples of one origin? By the threshold that is best for the model."""
    net, x, calibration = _trained(61, size)
    pairs = _pairs(np.random.default_rng(62))
    alike = pairs[:, 0] // _EACH == pairs[:, 1] // _EACH

    def near(found: Answers) -> Floats:
        unit = _unit(found["vector"])
        return (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(axis=1)

    inputs = tensor(x)
    own = near(answers(net, inputs))
    limits = np.quantile(own, np.linspace(0.02, 0.98, 200))
    limit = limits[np.argmax([((own > at) == alike).mean() for at in limits])]

    def cost(found: Answers) -> Floats:
        return np.array([((near(found) > limit) != alike).mean()]) / _POINTS

    about = f"verification {((own > limit) == alike).mean():.3f}"
    return Task("origins", net, inputs, tensor(calibration), cost, _SAYS, about)


def search(size: Size) -> Task:
    """Retrieval: is the nearest of one sample of each origin of the same origin?

    What is searched was embedded by the model before, as an index on a server is.
    """
    net, x, calibration = _trained(63, size)
    who = np.repeat(np.arange(_NEW), _EACH)
    asked = np.arange(len(x)) % _EACH > 0
    inputs = tensor(x)
    own = answers(net, inputs)
    index = _unit(own["vector"][~asked])

    def cost(found: Answers) -> Floats:
        nearest = (_unit(found["vector"][asked]) @ index.T).argmax(axis=1)
        return np.array([(nearest != who[asked]).mean()]) / _POINTS

    about = f"recall of the first {1 - cost(own)[0] * _POINTS:.3f}"
    return Task("search", net, inputs, tensor(calibration), cost, _SAYS, about)


def _unit(vectors: Array) -> Array:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1)[:, None], 1e-9)


def _pairs(rng: np.random.Generator) -> Array:
    """Rows of the test, half of the pairs of one origin: [pairs, 2]."""
    n = _NEW * _EACH
    first = np.arange(n)
    mate = first // _EACH * _EACH + (first % _EACH + rng.integers(1, _EACH, n)) % _EACH
    stranger = (first + rng.integers(_EACH, n - _EACH, n)) % n
    return np.concatenate([np.stack([first, mate], axis=1), np.stack([first, stranger], axis=1)])


TASKS = {"origins": origins, "search": search}
