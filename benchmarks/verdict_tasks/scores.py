"""Independent scores: which tones are in a spectrum, and which rare alarms are due."""

from collections.abc import Callable

import numpy as np
from torch import nn

from edgeml.parity.roles import Kind, Role
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

_POINTS, _POINTS_LABEL = 0.01, 0.03  # of F1, the mean over labels and of one label


def tags(size: Size) -> Task:
    """Eight sources, each with a spectrum, on in 8 to 40 % of samples; the net ends in sigmoid."""
    rng = np.random.default_rng(21)
    spectra = rng.gamma(0.5, 1.0, (8, 64))
    spectra *= 40 / spectra.sum(axis=1, keepdims=True)
    often = np.linspace(0.08, 0.4, 8)

    def draw(n: int) -> tuple[Array, Array]:
        on = rng.random((n, 8)) < often
        loud = on * rng.lognormal(0, 0.4, on.shape)
        return np.log1p(loud @ spectra + rng.gamma(1.0, 0.6, (n, 64))), on

    net = Net("tags", *dense(64, 48, 32, 8), last=lambda raw: raw.sigmoid())
    return _task("tags", net, draw, size, "scores", epochs=16)


def alarms(size: Size) -> Task:
    """Three alarms, due in 4 to 15 % of samples, by 20 sensors; logits."""
    rng = np.random.default_rng(22)
    mix, direct = rng.normal(size=(3, 20, 6)) / 4, rng.normal(size=(3, 20)) / 3
    quiet = np.array([2.5, 1.7, 1.3])

    def draw(n: int) -> tuple[Array, Array]:
        x = rng.normal(size=(n, 20))
        strain = (np.einsum("nf,lfk->nlk", x, mix) ** 2).mean(axis=-1) + x @ direct.T * 0.8
        return x, strain + rng.normal(0, 0.15, (n, 3)) > quiet

    net = Net("alarms", *dense(20, 48, 32, 3))
    return _task("alarms", net, draw, size, "score-logits", epochs=20)


def _task(
    name: str,
    net: Net,
    draw: Callable[[int], tuple[Array, Array]],
    size: Size,
    kind: Kind,
    epochs: int,
) -> Task:
    x, on = draw(3 * size.train)
    loss = nn.functional.binary_cross_entropy_with_logits
    train(net, tensor(x), (tensor(on.astype(np.float32)),), loss, size.of(epochs))
    x, on = draw(2 * size.test)
    least = 0.5 if kind == "scores" else 0.0

    def cost(found: Answers) -> Floats:
        said = found[net.output] > least
        lost = 1 - 2 * (said & on).sum(axis=0) / np.maximum(1, said.sum(axis=0) + on.sum(axis=0))
        return np.array([lost.mean() / _POINTS, *lost / _POINTS_LABEL])

    inputs = tensor(x)
    lost = cost(answers(net, inputs))[1:] * _POINTS_LABEL
    about = f"F1 of a label {1 - lost.max():.2f} to {1 - lost.min():.2f}"
    says = ((net.output, Role(kind=kind)),)
    return Task(name, net, inputs, tensor(draw(CALIBRATION)[0]), cost, says, about)


TASKS = {"tags": tags, "alarms": alarms}
