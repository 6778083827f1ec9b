"""Boxes: how far they move."""

import numpy as np

from edgeml.parity.blocks import by_blocks
from edgeml.parity.figures import Array, Figure, Floats, Requirement
from edgeml.parity.limits import BOX_KEPT, EVENTS_LEAST_DENSE, LIMITS, Name
from edgeml.parity.roles import Corners
from edgeml.parity.units import common_unit


def boxes(model: Array, variant: Array, corners: Corners, sure: Array | None) -> list[Requirement]:
    """The overlap with the model's own box, where it is sure: its mean, and how many lose it.

    model, variant: [samples, ..., 4]. sure: [samples, boxes], which boxes count, None for all; none
    does that is not finite. Raises ValueError where `sure` is of other boxes.
    """
    if sure is None:
        sure = np.ones(model.shape[:-1], np.bool_)
    if len(sure) != len(model) or sure.size * 4 != model.size:
        raise ValueError(
            f"scores of shape {list(sure.shape)} are not one for each box of shape "
            f"{list(model.shape)}"
        )

    def part(r: Array, v: Array, sure: Array) -> tuple[Array, ...]:
        counts = sure[..., 0] & np.isfinite(r).all(axis=-1)
        overlaps = np.where(counts, _overlaps(r, v, corners), 1.0)
        parts = (1.0 - overlaps, overlaps < BOX_KEPT, counts)
        return tuple(of.sum(axis=1, dtype=np.float64)[:, None] for of in parts)

    lost, moved, count = by_blocks(part, model, variant, sure[..., None])
    figures: tuple[tuple[Name, Floats], ...] = (
        ("IoU of the boxes lost", lost),
        ("boxes moved", moved),
    )
    return [
        (Figure(name, parts, count, LIMITS[name], EVENTS_LEAST_DENSE),) for name, parts in figures
    ]


def _overlaps(model: Array, variant: Array, corners: Corners) -> Floats:
    """The IoU of each box with its own, [samples, boxes]; 0 of what is not finite."""
    unit = common_unit(model)  # which changes no overlap
    a, b = (
        _two_corners(np.where(np.isfinite(array), array, 0.0).astype(np.float64) / unit, corners)
        for array in (model, variant)
    )
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=-1)
    union = _area(a) + _area(b) - shared
    with np.errstate(invalid="ignore", divide="ignore"):
        overlaps: Floats = np.where(union > 0, shared / union, (a == b).all(axis=-1))
    return overlaps


def _two_corners(array: Floats, corners: Corners) -> Floats:
    if corners == "xyxy":
        return array
    if corners == "yxyx":
        return array[..., [1, 0, 3, 2]]
    place, size = array[..., :2], array[..., 2:]
    low = place - size / 2 if corners == "cxcywh" else place
    return np.concatenate([low, low + size], axis=-1)


def _area(array: Floats) -> Floats:
    area: Floats = np.clip(array[..., 2:] - array[..., :2], 0.0, None).prod(axis=-1)
    return area
