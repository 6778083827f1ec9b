"""Boxes, and peaks of heat maps: how far things move."""

import numpy as np

from edgeml.parity.figures import Array, Figure, Floats, Requirement
from edgeml.parity.limits import EVENTS_LEAST_DENSE, LIMITS, PEAK_CELLS
from edgeml.parity.roles import Corners


def boxes(model: Array, variant: Array, corners: Corners, sure: Array) -> list[Requirement]:
    """The overlap with the model's own box, where it is sure.

    model, variant: [samples, boxes, 4]. sure: [samples, boxes], which boxes count; none does that
    is not finite.
    """
    finite = np.isfinite(model).all(axis=-1)
    sure = sure & finite
    a, b = (
        _two_corners(np.where(finite[..., None], array, 0.0).astype(np.float64), corners)
        for array in (model, variant)
    )
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=-1)
    union = _area(a) + _area(b) - shared
    with np.errstate(invalid="ignore", divide="ignore"):
        overlap = np.where(union > 0, shared / union, (a == b).all(axis=-1))
    return [
        (
            Figure(
                "IoU of the boxes lost",
                np.where(sure, 1.0 - overlap, 0.0).sum(axis=1)[:, None],
                sure.sum(axis=1, dtype=np.float64)[:, None],
                LIMITS["IoU of the boxes lost"],
                EVENTS_LEAST_DENSE,
            ),
        )
    ]


def heatmap(model: Array, variant: Array) -> list[Requirement]:
    """Where the peak of each channel is; both [samples, height, width, channels], in cells."""
    ours, theirs = _peaks(model), _peaks(variant)
    shift = np.abs(ours - theirs)  # [samples, channels, 2]
    far = np.hypot(shift[..., 0], shift[..., 1]) > PEAK_CELLS
    ones = np.ones(far.shape)
    points = tuple(f"point {c}" for c in range(far.shape[1]))
    return [
        (
            Figure(
                "peaks moved", far.astype(np.float64), ones, LIMITS["peaks moved"],
                columns=points,
            ),
        ),
        *(
            (
                Figure(
                    "shift of the peak", shift[..., axis], ones, LIMITS["shift of the peak"],
                    columns=tuple(f"{point} in {name}" for point in points),
                ),
            )
            for axis, name in ((1, "x"), (0, "y"))
        ),
    ]  # fmt: skip


def _peaks(maps: Array) -> Floats:
    """[samples, height, width, channels] -> the cell of the largest value, (y, x)."""
    n, _, width, channels = maps.shape
    flat = maps.reshape(n, -1, channels)
    if flat.dtype.kind == "f":
        flat = np.where(np.isnan(flat), -np.inf, flat)
    cell = flat.argmax(axis=1)
    peaks: Floats = np.stack([cell // width, cell % width], axis=-1).astype(np.float64)
    return peaks


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
