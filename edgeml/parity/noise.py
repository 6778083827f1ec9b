"""The noise of each channel, in shares of the channel's own spread."""

from collections.abc import Callable

import numpy as np

from edgeml.parity.figures import Array, Figure, Floats
from edgeml.parity.limits import LIMITS, Limit, Name

_CONSTANT = 1e-6  # of its own magnitude: a spread of rounding
_BYTES = 1 << 24  # worked on at a time


def exact(array: Array) -> Floats:
    floats: Floats = array.astype(np.float64)
    return floats


def noise(
    name: Name,
    model: Array,
    variant: Array,
    limit: Limit | tuple[Limit, ...],
    of: Callable[[Array], Floats] = exact,
) -> Figure:
    """sum (v - r)^2 / sum (r - mean r)^2, both [samples, positions, channels].

    mean r: of the channel, over all samples and positions. A channel that is constant is divided by
    its own square instead; one that is zero by the least spread of the others; where every channel
    is constant there is nothing to divide by. Where the model's answer is not finite it does not
    count. of: what is compared, of some samples of either.
    """
    n, _, channels = model.shape
    means = _means(model, of)
    errors, spreads, squares = (np.zeros((n, channels)) for _ in range(3))
    for rows in chunks(model):
        r, v = of(model[rows]), of(variant[rows])
        counts = np.isfinite(r)
        r, v = np.where(counts, r, 0.0), np.where(counts, v, 0.0)
        errors[rows] = ((v - r) ** 2).sum(axis=1)
        spreads[rows] = (np.where(counts, r - means, 0.0) ** 2).sum(axis=1)
        squares[rows] = (r**2).sum(axis=1)
    return Figure(name, errors, _denominators(spreads, squares), limit)


def spread(model: Array) -> Floats:
    """The root mean square distance from the mean, of [samples, positions, channels]; 0 of a
    constant."""
    means = _means(model, exact)
    total, squares, count = (np.zeros(model.shape[2]) for _ in range(3))
    for rows in chunks(model):
        r = model[rows].astype(np.float64)
        counts = np.isfinite(r)
        total += (np.where(counts, r - means, 0.0) ** 2).sum(axis=(0, 1))
        squares += (np.where(counts, r, 0.0) ** 2).sum(axis=(0, 1))
        count += counts.sum(axis=(0, 1))
    total = np.where(total <= _CONSTANT**2 * squares, 0.0, total)
    spreads: Floats = np.sqrt(total / np.maximum(count, 1))
    return spreads


def _means(model: Array, of: Callable[[Array], Floats]) -> Floats:
    total, count = np.zeros(model.shape[2]), np.zeros(model.shape[2])
    for rows in chunks(model):
        r = of(model[rows])
        counts = np.isfinite(r)
        total += np.where(counts, r, 0.0).sum(axis=(0, 1))
        count += counts.sum(axis=(0, 1))
    means: Floats = total / np.maximum(count, 1)
    return means


def _denominators(spreads: Floats, squares: Floats) -> Floats:
    total, magnitude = spreads.sum(axis=0), squares.sum(axis=0)
    zero = magnitude == 0
    constant = total <= _CONSTANT**2 * magnitude
    if constant.all():
        return np.zeros_like(spreads)
    parts = np.where(constant, squares, spreads)
    least = total[~constant].min() / len(spreads)
    denominators: Floats = np.where(zero, least, parts)
    return denominators


def vectors(model: Array, variant: Array) -> Figure:
    """The noise of unit vectors [samples, positions, channels], all channels together."""
    r, v = (_unit(array.astype(np.float64)) for array in (model, variant))
    errors = ((v - r) ** 2).sum(axis=(1, 2))[:, None]
    mean = r.mean(axis=(0, 1))
    spreads = ((r - mean) ** 2).sum(axis=(1, 2))[:, None]
    if spreads.sum() <= _CONSTANT**2 * (r**2).sum():
        spreads = np.zeros_like(spreads)
    return Figure("noise of the vectors", errors, spreads, LIMITS["noise of the vectors"])


def _unit(array: Floats) -> Floats:
    """Vectors that are not finite become zeros."""
    array = np.where(np.isfinite(array).all(axis=-1, keepdims=True), array, 0.0)
    norms = np.linalg.norm(array, axis=-1, keepdims=True)
    unit: Floats = array / np.where(norms > 0, norms, 1.0)
    return unit


def chunks(model: Array) -> list[slice]:
    """All samples, a few at a time."""
    each = max(1, _BYTES // max(1, model[:1].size * 8))
    return [slice(first, first + each) for first in range(0, len(model), each)]
