"""One class out of many: movements by acceleration, and the digit between two others."""

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

_POINTS, _POINTS_CLASS = 0.01, 0.03  # of accuracy, over all and of one class


def motion(size: Size) -> Task:
    """Six movements in windows of 48 steps of 3 axes; the net ends in softmax."""
    rng = np.random.default_rng(11)
    rates, sway = rng.uniform(0.03, 0.2, 6), rng.uniform(0.3, 1.0, (6, 3))
    lean = rng.normal(0, 0.35, (6, 3))

    def draw(n: int) -> tuple[Array, Array]:
        label = rng.integers(0, 6, n)
        rate = rates[label] * rng.normal(1, 0.08, n)
        phase = rng.uniform(0, 2 * np.pi, (n, 3, 1))
        wave = np.sin(2 * np.pi * rate[:, None, None] * np.arange(48) + phase)
        x = wave * sway[label][..., None] * rng.uniform(0.6, 1.4, (n, 1, 1))
        x = x + lean[label][..., None] + rng.normal(0, 0.2, (n, 3, 1))
        return x + rng.normal(0, 0.35, x.shape), label

    net = Net(
        "class",
        nn.Conv1d(3, 16, 7, stride=2), nn.ReLU(), nn.Conv1d(16, 24, 5, stride=2), nn.ReLU(),
        nn.Flatten(), *dense(24 * 9, 32, 6), last=lambda raw: raw.softmax(dim=-1),
    )  # fmt: skip
    x, label = draw(size.train)
    train(net, tensor(x), (tensor(label),), nn.functional.cross_entropy, size.of(10))
    return _task("motion", net, draw(size.test), draw(CALIBRATION)[0], "probabilities")


def middle(size: Size) -> Task:
    """scikit-learn's digits, three in a row with noise: which is in the middle?"""
    from sklearn.datasets import load_digits

    rng = np.random.default_rng(12)
    images, labels = load_digits(return_X_y=True)
    images = images.reshape(-1, 8, 8) / 16

    def draw(n: int, first: int, end: int) -> tuple[Array, Array]:
        three = rng.integers(first, end, (n, 3))
        x = np.concatenate([images[three[:, place]] for place in range(3)], axis=2)
        return x[:, None] + rng.normal(0, 0.12, (n, 1, 8, 24)), labels[three[:, 1]]

    net = Net(
        "logits",
        nn.Conv2d(1, 12, 3, stride=2), nn.ReLU(), nn.Flatten(), *dense(12 * 3 * 11, 48, 10),
    )  # fmt: skip
    x, label = draw(2 * size.train, 0, 1000)
    train(net, tensor(x), (tensor(label),), nn.functional.cross_entropy, size.of(8))
    test = draw(size.test, 1000, 1797)
    return _task("middle", net, test, draw(CALIBRATION, 0, 1000)[0], "logits")


def _task(name: str, net: Net, test: tuple[Array, Array], calibration: Array, kind: Kind) -> Task:
    inputs, label = tensor(test[0]), test[1]
    of_class = np.eye(label.max() + 1)[label]

    def cost(found: Answers) -> Floats:
        wrong = found[net.output].argmax(axis=-1) != label
        each = (wrong[:, None] * of_class).sum(axis=0) / of_class.sum(axis=0)
        return np.array([wrong.mean() / _POINTS, *each / _POINTS_CLASS])

    accuracy = 1 - cost(answers(net, inputs))[0] * _POINTS
    role = Role(kind=kind)
    return Task(
        name, net, inputs, tensor(calibration), cost, ((net.output, role),),
        f"accuracy {accuracy:.3f}",
    )  # fmt: skip


TASKS = {"motion": motion, "middle": middle}
