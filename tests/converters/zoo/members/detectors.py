"""Two detectors of sheets and frames in a picture: boxes and scores in one tensor and in two."""

import numpy as np
import torch
from torch import nn

from tests.converters.zoo.members.damages import (
    coarse_weights,
    fading,
    noisy_weights,
    shifted,
    shrinking,
)
from tests.converters.zoo.members.member import (
    Array,
    Arrays,
    Costs,
    Data,
    Member,
    Rng,
    floats,
)
from tests.converters.zoo.members.training import train
from tests.converters.zoo.members.truths import found_objects

_SIDE, _GRID = 24, 3
_CELL = _SIDE // _GRID
_EDGE = 2.0  # how thick a frame is
Tensors = dict[str, torch.Tensor]
_AT = 0.5  # above this score there is an object


class _Detector(nn.Module):
    """[n, 1, 24, 24] to [n, 4 + classes, 9], raw: a box and logits for each cell of a grid."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(16, 20, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(20, 20, 3, padding=1), nn.ReLU(), nn.Conv2d(20, 4 + classes, 1),
        )  # fmt: skip
        middle = (np.mgrid[:_GRID, :_GRID].reshape(2, -1)[::-1] + 0.5) * _CELL
        self.register_buffer("middle", torch.from_numpy(floats(middle)))

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        raise NotImplementedError


class OneTensor(_Detector):
    """found: [n, 6, 9], centre and size in pixels and a score of each class, as YOLO has it."""

    def __init__(self) -> None:
        super().__init__(classes=2)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        raw = self.layers(image).flatten(2)
        centre = raw[:, :2] * _CELL + self.middle
        return {"found": torch.cat([centre, raw[:, 2:4] * _CELL, raw[:, 4:].sigmoid()], dim=1)}


class TwoTensors(_Detector):
    """boxes: [n, 9, 4], two corners in pixels. scores: [n, 9, 1]."""

    def __init__(self) -> None:
        super().__init__(classes=1)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        raw = self.layers(image).flatten(2)
        low, high = raw[:, :2] * _CELL + self.middle, raw[:, 2:4] * _CELL + self.middle
        boxes = torch.cat([low, high], dim=1).transpose(1, 2)
        return {"boxes": boxes, "scores": raw[:, 4:].sigmoid().transpose(1, 2)}


def _draw(rng: Rng, n: int) -> Data:
    """Truth: the corners in the cell of an object's centre, [n, 9, 4]; whether there is a sheet or
    a frame, [n, 9, 2]."""
    y, x = np.mgrid[:_SIDE, :_SIDE] + 0.5
    image = rng.normal(0, 0.08, (n, _SIDE, _SIDE))
    box, there = np.zeros((n, _GRID**2, 4)), np.zeros((n, _GRID**2, 2), np.bool_)
    first = rng.integers(0, _GRID**2, n)
    cells = np.stack([first, (first + rng.integers(1, _GRID**2, n)) % _GRID**2], axis=1)
    shown = np.stack([np.ones(n, np.bool_), rng.random(n) < 0.5], axis=1)
    for which in range(2):
        cell, rows = cells[:, which], np.flatnonzero(shown[:, which])
        kind = rng.integers(0, 2, n)
        corner = np.stack([cell % _GRID, cell // _GRID], axis=1) * _CELL
        centre = corner + rng.uniform(1, _CELL - 1, (n, 2))
        half = rng.uniform(4, 7, (n, 2))
        edges = np.clip(np.concatenate([centre - half, centre + half], axis=1), 0, _SIDE)
        at = edges[:, :, None, None]
        inside = (x > at[:, 0]) & (x < at[:, 2]) & (y > at[:, 1]) & (y < at[:, 3])
        at = at + np.array([_EDGE, _EDGE, -_EDGE, -_EDGE])[:, None, None]
        hole = (x > at[:, 0]) & (x < at[:, 2]) & (y > at[:, 1]) & (y < at[:, 3])
        drawn = inside & ~(hole & (kind == 1)[:, None, None])
        image[rows] += (drawn * rng.uniform(0.5, 1.2, (n, 1, 1)))[rows]
        box[rows, cell[rows]] = edges[rows]
        there[rows, cell[rows], kind[rows]] = True
    return Data({"image": floats(image[:, None])}, {"box": floats(box), "there": there})


def _corners(found: Array) -> Array:
    """[n, 4, 9] of centres and sizes as corners, [n, 9, 4]."""
    centre, half = found[:, :2], found[:, 2:4] / 2
    return np.concatenate([centre - half, centre + half], axis=1).transpose(0, 2, 1)


def _fit_one(net: OneTensor, data: Data) -> None:
    box = data.truth["box"].transpose(0, 2, 1)
    centre, size = (box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]
    there = data.truth["there"].transpose(0, 2, 1)

    def loss(found: Tensors, box: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        return _loss(found["found"][:, :4], found["found"][:, 4:], box, there, 1)

    targets = floats(np.concatenate([centre, size], axis=1)), floats(there)
    train(net, data.inputs, targets, loss, epochs=20)


def _fit_two(net: TwoTensors, data: Data) -> None:
    def loss(found: Tensors, box: torch.Tensor, there: torch.Tensor) -> torch.Tensor:
        return _loss(found["boxes"], found["scores"], box, there, 2)

    there = data.truth["there"].any(axis=2, keepdims=True)
    train(net, data.inputs, (data.truth["box"], floats(there)), loss, epochs=20)


def _loss(
    boxes: torch.Tensor, scores: torch.Tensor, box: torch.Tensor, there: torch.Tensor, axis: int
) -> torch.Tensor:
    """axis: of the numbers of a box."""
    sure = nn.functional.binary_cross_entropy(scores.clamp(1e-6, 1 - 1e-6), there)
    off = nn.functional.smooth_l1_loss(boxes / 4, box / 4, reduction="none").mean(dim=axis)
    one = there.amax(dim=axis)
    return sure + 0.5 * (off * one).sum() / one.sum()


def _costs_one(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    boxes, scores = _corners(found["found"][:, :4]), found["found"][:, 4:].transpose(0, 2, 1)
    return found_objects(boxes, scores > _AT, truth["box"], truth["there"])


def _costs_two(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    there = truth["there"].any(axis=2, keepdims=True)
    return found_objects(found["boxes"], found["scores"] > _AT, truth["box"], there)


ONE = Member(
    "detector_one",
    "a detector of two classes, boxes and scores in one tensor",
    OneTensor, _fit_one, _draw, _costs_one,
    outputs=(
        "found=boxes,axis=1,channels=0:4,corners=cxcywh", "found=scores,axis=1,channels=4:6",
    ),
    of_weights=(noisy_weights(), coarse_weights()),
    of_answers=(shifted("x of the centres", "found", (0,)),
        fading("scores of one class", "found", (4,)),),
)  # fmt: skip
TWO = Member(
    "detector_two",
    "a detector of one class, boxes and scores in two tensors",
    TwoTensors, _fit_two, _draw, _costs_two,
    outputs=("boxes=boxes,axis=2,scores=scores", "scores=scores,axis=2"),
    of_weights=(noisy_weights(), coarse_weights()),
    of_answers=(
        shifted("one corner", "boxes", (slice(None), slice(2, 4))),
        shrinking("scores"),
    ),
)  # fmt: skip
