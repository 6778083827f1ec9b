"""Segmentation with channels first and last, and a pose by the peaks of heat maps."""

from typing import Any

import numpy as np
import torch
from torch import nn

from tests.converters.zoo.members.damages import (
    SHARES,
    coarse_weights,
    fading,
    noisy,
    noisy_weights,
    shifted,
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
from tests.converters.zoo.members.training import train
from tests.converters.zoo.members.truths import classes_of_pixels, key_points, mask

_SIDE = 16
_Y, _X = np.mgrid[:_SIDE, :_SIDE]
_CLASSES = 3
_LIMBS = np.array([(-4, 0), (0, -4), (0, 4), (4, -1)])  # head, two hands, feet; y and x in cells


class ChannelsFirst(nn.Module):
    """image: [n, 1, 16, 16]. classes: logits of background, disc and bar, [n, 3, 16, 16]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 12, 5, padding=2), nn.ReLU(),
            nn.Conv2d(12, _CLASSES, 3, padding=1),
        )  # fmt: skip

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"classes": self.layers(image)}


class ChannelsLast(nn.Module):
    """image, mask: [n, 16, 16, 1]; the mask is the probability that a pixel is in a scratch."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
            nn.Conv2d(8, 1, 3, padding=1),
        )  # fmt: skip

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        raw = self.layers(image.permute(0, 3, 1, 2))
        return {"mask": raw.sigmoid().permute(0, 2, 3, 1)}


class Pose(nn.Module):
    """image: [n, 1, 16, 16]. maps: of four key points, [n, 4, 16, 16], near 1 at the point."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 12, 3, padding=1), nn.ReLU(),
            nn.Conv2d(12, 12, 5, padding=4, dilation=2), nn.ReLU(),
            nn.Conv2d(12, len(_LIMBS), 3, padding=1),
        )  # fmt: skip

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"maps": self.layers(image)}


def _draw_regions(rng: Rng, n: int) -> Data:
    """A bar, and before it a disc in three of four pictures."""
    place = rng.uniform(3, _SIDE - 3, (2, 2, n, 1, 1))
    angle, radius = rng.uniform(0, np.pi, (n, 1, 1)), rng.uniform(2, 4.5, (n, 1, 1))
    away = np.hypot(_Y - place[0, 0], _X - place[0, 1])
    disc = (away < radius) & (rng.random((n, 1, 1)) < 0.75)
    dy, dx = _Y - place[1, 0], _X - place[1, 1]
    along, across = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
    bar = (np.abs(across) < 1.3) & (np.abs(along) < rng.uniform(4, 8, (n, 1, 1)))
    true = np.where(disc, 1, np.where(bar, 2, 0))
    bright = np.array([0.0, 1.0, 0.8])[true] * rng.uniform(0.8, 1.2, (n, 1, 1))
    image = bright + rng.normal(0, 0.2, true.shape)
    return Data({"image": floats(image[:, None])}, {"class": true})


def _draw_scratches(rng: Rng, n: int) -> Data:
    """Two lines about two cells wide."""
    true = np.zeros((n, _SIDE, _SIDE), np.bool_)
    for _ in range(2):
        angle = rng.uniform(0, np.pi, (n, 1, 1))
        place = rng.uniform(4, _SIDE - 4, (2, n, 1, 1))
        along = (_X - place[0]) * np.cos(angle) + (_Y - place[1]) * np.sin(angle)
        across = (_Y - place[1]) * np.cos(angle) - (_X - place[0]) * np.sin(angle)
        true |= (np.abs(across) < 1.0) & (np.abs(along) < rng.uniform(3, 8, (n, 1, 1)))
    image = true * rng.uniform(0.7, 1.5, (n, 1, 1)) + rng.normal(0, 0.25, true.shape)
    return Data({"image": floats(image[..., None])}, {"inside": true[..., None]})


def _draw_figures(rng: Rng, n: int) -> Data:
    """A body with a head, two hands and feet, each of which is hidden in one of five pictures."""
    body = rng.integers(6, _SIDE - 6, (n, 1, 2))
    true = body + _LIMBS + rng.integers(-1, 2, (n, len(_LIMBS), 2))
    there = rng.random((n, len(_LIMBS))) < 0.8
    image = rng.normal(0, 0.35, (n, _SIDE, _SIDE))
    for limb in range(len(_LIMBS)):
        drawn = np.zeros(image.shape, np.bool_)
        for part in np.linspace(0.0, 1.0, 6):
            at = body[:, 0] + part * (true[:, limb] - body[:, 0])
            drawn |= _near(at, 0.8)
        drawn |= _near(true[:, limb], 1.5 if limb == 0 else 1.1)
        image += drawn * there[:, limb, None, None] * rng.uniform(0.7, 1.3, (n, 1, 1))
    return Data({"image": floats(image[:, None])}, {"point": true, "there": there})


def _near(at: Array, cells: float) -> Array:
    """[n, 16, 16] of points [n, 2]."""
    return np.hypot(_Y - at[:, 0, None, None], _X - at[:, 1, None, None]) < cells


def _fit_regions(net: ChannelsFirst, data: Data) -> None:
    def loss(found: Any, true: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(found["classes"], true)

    train(net, data.inputs, (data.truth["class"],), loss, epochs=8, rate=1e-2)


def _fit_scratches(net: ChannelsLast, data: Data) -> None:
    def loss(found: Any, true: torch.Tensor) -> torch.Tensor:
        return nn.functional.binary_cross_entropy(found["mask"].clamp(1e-6, 1 - 1e-6), true)

    train(net, data.inputs, (floats(data.truth["inside"]),), loss, epochs=8, rate=1e-2)


def _fit_pose(net: Pose, data: Data) -> None:
    def loss(found: Any, wanted: torch.Tensor) -> torch.Tensor:
        return ((found["maps"] - wanted) ** 2 * (1 + 20 * wanted)).mean()

    point = data.truth["point"][..., None, None]
    away = (_Y - point[:, :, 0]) ** 2 + (_X - point[:, :, 1]) ** 2
    maps = np.exp(-away / 2.0) * data.truth["there"][..., None, None]
    train(net, data.inputs, (floats(maps),), loss, epochs=16, rate=1e-2)


def _costs_of_regions(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    return classes_of_pixels(found["classes"].argmax(axis=1), truth["class"], _CLASSES)


def _costs_of_scratches(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    return mask(found["mask"] > 0.5, truth["inside"])


def _costs_of_pose(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    return key_points(found["maps"], truth["point"], truth["there"])


def _blurred(found: dict[str, Array], size: float, rng: Rng) -> None:
    """size: in shares of a mean over 3 x 3 cells."""
    for name, array in found.items():
        axes = (1, 2) if name == "mask" else (2, 3)
        mean = array
        for axis in axes:
            mean = (np.roll(mean, 1, axis) + mean + np.roll(mean, -1, axis)) / np.float32(3)
        array += np.float32(size) * (mean - array)


_BLUR = Damage("a blur", _blurred, SHARES)
CHANNELS_FIRST = Member(
    "segmentation_nchw",
    "segmentation into three classes, channels first",
    ChannelsFirst, _fit_regions, _draw_regions, _costs_of_regions, whole=2000,
    outputs=("classes=logits,axis=1",),
    of_weights=(noisy_weights(), coarse_weights()),
    of_answers=(fading("logits of one class", "classes", (2,)), _BLUR),
)  # fmt: skip
CHANNELS_LAST = Member(
    "segmentation_nhwc",
    "the mask of thin scratches, channels last",
    ChannelsLast, _fit_scratches, _draw_scratches, _costs_of_scratches,
    outputs=("mask=mask,axis=3",),
    of_weights=(noisy_weights(), coarse_weights()),
    of_answers=(shifted("the mask", "mask", (slice(None),)), _BLUR),
)  # fmt: skip
POSE = Member(
    "pose",
    "four key points by the peaks of heat maps",
    Pose, _fit_pose, _draw_figures, _costs_of_pose, whole=2000,
    outputs=("maps=heatmap,axis=1",),
    of_weights=(noisy_weights(), coarse_weights()),
    of_answers=(fading("one map", "maps", (1,)), noisy("maps"), _BLUR),
)  # fmt: skip
