"""Pictures: masks of thin scratches, and points found as the peaks of heat maps."""

import numpy as np
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
    tensor,
    train,
)

_SIDE = 16
_POINTS = 0.01  # of the IoU of what is inside
_CELLS = 0.3  # of the mean distance of one point
_F1, _F1_MARK = 0.01, 0.03  # of whether a mark is there, the mean over marks and of one


def scratches(size: Size) -> Task:
    """Lines two cells wide in noise; the logits of one mask."""
    rng = np.random.default_rng(31)
    y, x = np.mgrid[:_SIDE, :_SIDE]

    def draw(n: int) -> tuple[Array, Array]:
        mask = np.zeros((n, _SIDE, _SIDE), np.bool_)
        for _ in range(2):
            angle = rng.uniform(0, np.pi, (n, 1, 1))
            place = rng.uniform(4, _SIDE - 4, (2, n, 1, 1))
            along = (x - place[0]) * np.cos(angle) + (y - place[1]) * np.sin(angle)
            across = (y - place[1]) * np.cos(angle) - (x - place[0]) * np.sin(angle)
            mask |= (np.abs(across) < 1.0) & (np.abs(along) < rng.uniform(3, 8, (n, 1, 1)))
        image = mask * rng.uniform(0.7, 1.5, (n, 1, 1)) + rng.normal(0, 0.25, mask.shape)
        return image[:, None], mask[:, None]

    net = Net(
        "mask",
        nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
        nn.Conv2d(8, 1, 3, padding=1),
    )  # fmt: skip
    image, mask = draw(size.train)
    loss = nn.functional.binary_cross_entropy_with_logits
    train(net, tensor(image), (tensor(mask.astype(np.float32)),), loss, size.of(6), rate=1e-2)
    image, mask = draw(size.test)

    def cost(found: Answers) -> Floats:
        said = found["mask"] > 0
        return np.array([1 - (said & mask).sum() / (said | mask).sum()]) / _POINTS

    inputs = tensor(image)
    about = f"IoU {1 - cost(answers(net, inputs))[0] * _POINTS:.3f}"
    says = (("mask", Role(kind="mask-logits", axis=1)),)
    return Task("scratches", net, inputs, tensor(draw(CALIBRATION)[0]), cost, says, about)


_SYMBOLS = np.array(
    [
        [[0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [1, 1, 1, 1, 1], [0, 0, 1, 0, 0], [0, 0, 1, 0, 0]],
        [[1, 1, 1, 1, 1], [1, 0, 0, 0, 1], [1, 0, 0, 0, 1], [1, 0, 0, 0, 1], [1, 1, 1, 1, 1]],
        [[1, 0, 0, 0, 1], [0, 1, 0, 1, 0], [0, 0, 1, 0, 0], [0, 1, 0, 1, 0], [1, 0, 0, 0, 1]],
    ]
)


def marks(size: Size) -> Task:
    """Where a cross, a square and a saltire are, of which each is missing in a quarter of the
    pictures: a heat map for each, in which a mark is found where its peak is above a half."""
    rng = np.random.default_rng(32)

    def draw(n: int) -> tuple[Array, Array, Array]:
        """Images, the centres [n, 3, (y, x)], and which marks are there [n, 3]."""
        image, centre = np.zeros((n, _SIDE, _SIDE)), rng.integers(2, _SIDE - 2, (n, 3, 2))
        there = rng.random((n, 3)) < 0.75
        rows = np.arange(n)
        for mark, symbol in enumerate(_SYMBOLS):
            strength = rng.uniform(0.7, 1.3, n) * there[:, mark]
            for dy, dx in np.argwhere(symbol) - 2:
                image[rows, centre[:, mark, 0] + dy, centre[:, mark, 1] + dx] += strength
        return (image + rng.normal(0, 0.25, image.shape))[:, None], centre, there

    y, x = np.mgrid[:_SIDE, :_SIDE]

    def maps(centre: Array, there: Array) -> Array:
        away = (y - centre[..., 0, None, None]) ** 2 + (x - centre[..., 1, None, None]) ** 2
        return np.exp(-away / 2.0) * there[..., None, None]

    net = Net("maps", nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.Conv2d(12, 3, 5, padding=2))
    image, centre, there = draw(size.train)
    train(
        net, tensor(image), (tensor(maps(centre, there)),),
        lambda raw, wanted: ((raw - wanted) ** 2 * (1 + 20 * wanted)).mean(),
        size.of(12), rate=1e-2,
    )  # fmt: skip
    image, centre, there = draw(size.test)

    def cost(found: Answers) -> Floats:
        flat = found["maps"].reshape(len(centre), 3, -1)
        peak, said = flat.argmax(axis=-1), flat.max(axis=-1) > 0.5
        place = np.stack([peak // _SIDE, peak % _SIDE], axis=-1)
        away = np.linalg.norm(place - centre, axis=-1) * there
        lost = 1 - 2 * (said & there).sum(axis=0) / (said.sum(axis=0) + there.sum(axis=0))
        each = [*away.sum(axis=0) / there.sum(axis=0) / _CELLS, *lost / _F1_MARK]
        return np.array([*each, lost.mean() / _F1])

    inputs = tensor(image)
    found = cost(answers(net, inputs))
    away, lost = found[:3] * _CELLS, found[3:6] * _F1_MARK
    about = f"points off by {away.min():.2f} to {away.max():.2f} cells, F1 {1 - lost.max():.3f}"
    says = (("maps", Role(kind="heatmap", axis=1)),)
    return Task("marks", net, inputs, tensor(draw(CALIBRATION)[0]), cost, says, about)


TASKS = {"scratches": scratches, "marks": marks}
