"""A small detector: one or two sheets in a picture; a box and a score for each cell of a grid."""

import numpy as np
import torch
from torch import nn

from edgeml.parity.roles import Role
from verdict_tasks.task import (
    CALIBRATION,
    Answers,
    Array,
    Floats,
    Size,
    Task,
    answers,
    tensor,
    train,
)

_SIDE, _GRID = 24, 3
_CELL = _SIDE // _GRID
_POINTS = 0.03  # of F1 at an overlap of 0.75


class _Detector(nn.Module):
    """[n, 1, 24, 24] to boxes [n, 9, 4], corners in pixels, and scores [n, 9, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 12, 5, stride=2, padding=2), nn.ReLU(),
            nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(24, 48, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(48, 48, 3, padding=1), nn.ReLU(), nn.Conv2d(48, 5, 1),
        )  # fmt: skip
        middle = (np.mgrid[:_GRID, :_GRID].reshape(2, -1).T[:, ::-1] + 0.5) * _CELL
        self.register_buffer("middle", tensor(np.tile(middle, 2)))

    def raw(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.layers(image).flatten(2).transpose(1, 2)
        return found[..., :4] * _CELL + self.middle, found[..., 4:]

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        box, score = self.raw(image)
        return {"boxes": box, "scores": score.sigmoid()}


def _draw(rng: np.random.Generator, n: int) -> tuple[Array, Array, Array]:
    """Images; for each cell the corners of the sheet that has its centre there; is there one?"""
    y, x = np.mgrid[:_SIDE, :_SIDE] + 0.5
    image = rng.normal(0, 0.08, (n, _SIDE, _SIDE))
    box, there = np.zeros((n, _GRID**2, 4)), np.zeros((n, _GRID**2), np.bool_)
    first = rng.integers(0, _GRID**2, n)
    cells = np.stack([first, (first + rng.integers(1, _GRID**2, n)) % _GRID**2], axis=1)
    shown = np.stack([np.ones(n, np.bool_), rng.random(n) < 0.5], axis=1)
    for which in range(2):
        cell, rows = cells[:, which], np.flatnonzero(shown[:, which])
        corner = np.stack([cell % _GRID, cell // _GRID], axis=1) * _CELL
        centre = corner + rng.uniform(1, _CELL - 1, (n, 2))
        half = rng.uniform(3, 7, (n, 2))
        edges = np.clip(np.concatenate([centre - half, centre + half], axis=1), 0, _SIDE)
        at = edges[:, :, None, None]
        inside = (x > at[:, 0]) & (x < at[:, 2]) & (y > at[:, 1]) & (y < at[:, 3])
        image[rows] += (inside * rng.uniform(0.5, 1.2, (n, 1, 1)))[rows]
        box[rows, cell[rows]] = edges[rows]
        there[rows, cell[rows]] = True
    return image[:, None], box, there


def _loss(
    raw: tuple[torch.Tensor, torch.Tensor], box: torch.Tensor, there: torch.Tensor
) -> torch.Tensor:
    found, score = raw
    sure = nn.functional.binary_cross_entropy_with_logits(score[..., 0], there)
    off = nn.functional.smooth_l1_loss(found / 4, box / 4, reduction="none").mean(dim=-1)
    return sure + 0.5 * (off * there).sum() / there.sum()


def overlap(a: Array, b: Array) -> Floats:
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [np.clip(c[..., 2:] - c[..., :2], 0, None).prod(axis=-1) for c in (a, b)]
    return shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)


def sheets(size: Size) -> Task:
    rng = np.random.default_rng(41)
    net = _Detector()
    image, box, there = _draw(rng, 2 * size.train)
    targets = tensor(box), tensor(there.astype(np.float32))
    train(net, tensor(image), targets, _loss, size.of(16), rate=4e-3)
    image, box, there = _draw(rng, size.test)

    def cost(found: Answers) -> Floats:
        said = found["scores"][..., 0] > 0.5
        right = (overlap(found["boxes"], box) > 0.75) & said & there
        return np.array([1 - 2 * right.sum() / (said.sum() + there.sum())]) / _POINTS

    inputs = tensor(image)
    about = f"F1@.75 {1 - cost(answers(net, inputs))[0] * _POINTS:.3f}"
    says = (
        ("boxes", Role(kind="boxes", axis=2, scores="scores")),
        ("scores", Role(kind="scores", axis=2)),
    )
    calibration = tensor(_draw(rng, CALIBRATION)[0])
    return Task("sheets", net, inputs, calibration, cost, says, about)


TASKS = {"sheets": sheets}
