"""A channel that lost its course: what is left of it at any gain and offset says nothing.

Figures of choices (classes, masks, peaks) see nothing of a channel that is never chosen, however
dead it is. So there is a floor below which no role passes, for each channel by itself.
"""

from dataclasses import dataclass

import numpy as np

from edgeml.parity.blocks import by_blocks
from edgeml.parity.figures import Array, Figure, Floats, Requirement
from edgeml.parity.limits import CLEARLY, CLEARLY_CHANCES, LIMITS, Name
from edgeml.parity.noise import exact
from edgeml.parity.units import bounded, units

_CONSTANT = 1e-6  # of its own magnitude: a spread of rounding


@dataclass(frozen=True)
class _Sums:
    """Of squares and products around the means: [samples, channels]. magnitude: of v squared."""

    rr: Floats
    rv: Floats
    vv: Floats
    magnitude: Floats
    counts: Floats


def course(model: Array, variant: Array, *, chances: bool) -> list[Requirement]:
    """sum (r - a - b v)^2 / sum (r - mean r)^2 of each channel that varies clearly, a and b chosen
    for the channel so that it is the least: 1 - correlation squared, and 1 for a dead one.

    model, variant: [samples, ..., channels], all in one unit. chances: whether they are from 0 to
    1, where a spread of 0.01 is clear; else a tenth of that of all channels. Empty where none
    varies clearly. Values that are not finite in either do not count.
    """
    sums = _sums(model, variant)
    total = sums.rr.sum(axis=0)
    spreads = np.sqrt(total / np.maximum(sums.counts.sum(axis=0), 1))
    least = CLEARLY_CHANCES if chances else CLEARLY * np.sqrt((spreads**2).mean())
    clear = np.flatnonzero((spreads > 0) & (spreads >= least))
    if not len(clear):
        return []
    vv = sums.vv.sum(axis=0)
    constant = vv <= _CONSTANT**2 * sums.magnitude.sum(axis=0)
    gain = np.where(constant, 0.0, sums.rv.sum(axis=0) / np.where(constant, 1.0, vv))
    left = np.maximum(sums.rr - 2 * gain * sums.rv + gain**2 * sums.vv, 0.0)
    name: Name = "noise at the best gain"
    columns = tuple(f"{c}" for c in clear) if len(spreads) > 1 else ()
    return [(Figure(name, left[:, clear], sums.rr[:, clear], LIMITS[name], columns=columns),)]


def _sums(model: Array, variant: Array) -> _Sums:
    last = model.ndim - 1
    of_model, of_variant = (units(array, exact, last) for array in (model, variant))

    def finite(r: Array, v: Array) -> tuple[Floats, Floats, Array]:
        """Zeros where either is not."""
        r, v = bounded(exact(r), of_model), bounded(exact(v), of_variant)
        known = np.isfinite(r) & np.isfinite(v)
        if not known.all():
            r[~known] = v[~known] = 0.0
        return r, v, known

    def firsts(r: Array, v: Array) -> tuple[Array, ...]:
        r, v, known = finite(r, v)
        return r.sum(axis=1), v.sum(axis=1), known.sum(axis=1, dtype=np.float64)

    first_r, first_v, counts = by_blocks(firsts, model, variant)
    number = np.maximum(counts.sum(axis=0), 1)
    mean_r, mean_v = first_r.sum(axis=0) / number, first_v.sum(axis=0) / number

    def seconds(r: Array, v: Array) -> tuple[Array, ...]:
        r, v, known = finite(r, v)
        magnitude = _products(v, v)
        r -= mean_r
        v -= mean_v
        if not known.all():
            r[~known] = v[~known] = 0.0
        return _products(r, r), _products(r, v), _products(v, v), magnitude

    rr, rv, vv, magnitude = by_blocks(seconds, model, variant)
    return _Sums(rr, rv, vv, magnitude, counts)


def _products(a: Floats, b: Floats) -> Floats:
    """[samples, positions, channels] -> the sums of products of each sample."""
    sums: Floats = np.einsum("npc,npc->nc", a, b)
    return sums
