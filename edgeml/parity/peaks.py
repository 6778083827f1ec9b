"""Peaks of heat maps: how far they move, and what is lost where one jumps to another place."""

import numpy as np

from edgeml.parity.blocks import by_blocks
from edgeml.parity.figures import Array, Figure, Floats, Requirement
from edgeml.parity.limits import LIMITS, PEAK_CELLS, Name

_USUAL = 0.9  # quantile over the samples


def heatmap(model: Array, variant: Array) -> list[Requirement]:
    """Where the peak of each channel is; both [samples, height, width, channels], in cells.

    The margin lost is the model's value at its own peak less that at the variant's, in shares of
    what the own peak is ahead of the largest beyond 1.5 cells: a jump between two that are equal
    costs nothing, as a flip between two classes. Whether a peak moves counts where there is one: at
    half or more of the channel's usual height (the 90 % quantile) above the mean of its map. The
    noise of the peak is that of its value, on which people put a threshold, by its height.
    """
    width = model.shape[2]

    def part(r: Array, v: Array) -> tuple[Array, ...]:
        """Of some samples, [few, positions, channels]."""
        r, v = (np.where(np.isfinite(a), a, -np.inf).astype(np.float64) for a in (r, v))
        ours, theirs = r.argmax(axis=1), v.argmax(axis=1)
        place = np.arange(r.shape[1])[:, None]
        away = np.hypot(
            place // width - (ours // width)[:, None], place % width - (ours % width)[:, None]
        )
        second = np.where(away > PEAK_CELLS, r, -np.inf).max(axis=1)
        own, other = (np.take_along_axis(r, of[:, None], 1)[:, 0] for of in (ours, theirs))
        far = np.take_along_axis(away, theirs[:, None], 1)[:, 0] > PEAK_CELLS
        y, x = np.abs(ours // width - theirs // width), np.abs(ours % width - theirs % width)
        with np.errstate(invalid="ignore"):  # of infinities there is no difference
            lost, margin = np.where(far, own - other, 0.0), own - second
        known = np.isfinite(margin) & np.isfinite(lost)
        finite = np.isfinite(r)
        middle = np.where(finite, r, 0.0).sum(axis=1) / np.maximum(finite.sum(axis=1), 1)
        with np.errstate(invalid="ignore"):
            height, off = own - middle, v.max(axis=1) - own
        there = np.isfinite(height) & np.isfinite(off)
        return (
            far.astype(np.float64), np.where(known, lost, 0.0), np.where(known, margin, 0.0),
            np.where(far, 0, x), np.where(far, 0, y),
            np.where(there, height, 0.0), np.where(there, off, 0.0),
        )  # fmt: skip

    parts: tuple[Floats, ...] = by_blocks(part, model, variant)
    far, lost, margin, x, y, height, off = parts
    points = tuple(f"point {c}" for c in range(far.shape[1]))
    usual = np.quantile(height, _USUAL, axis=0)
    there = ((height >= usual / 2) & (usual > 0)).astype(np.float64)

    def shift(cells: Array, name: str) -> Figure:
        columns = tuple(f"{point} in {name}" for point in points)
        limit = LIMITS["shift of the peak"]
        return Figure("shift of the peak", cells * there, there, limit, columns=columns)

    moved = Figure("peaks moved", far * there, there, LIMITS["peaks moved"], columns=points)
    value: Name = "noise of the peak"
    limit = LIMITS["peak margin lost"]
    return [
        (Figure(value, off**2, height**2, LIMITS[value], columns=points),),
        (Figure("peak margin lost", lost, margin, limit, columns=points),),
        (moved,),
        (shift(x, "x"),),
        (shift(y, "y"),),
    ]
