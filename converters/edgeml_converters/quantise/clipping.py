"""Ranges of activations from a histogram of their values, which leave rare extremes out."""

import numpy as np

from edgeml_converters.formats.tensors import Array, Range

PERCENT_KEPT = 99.99
_STEPS = 255  # between the 256 values of int8
_SHRUNK = np.linspace(1.0, 0.2, 81)
_BINS_A_SIDE = 128  # and half as many levels


def percentile(counts: Array, edges: Array) -> Range:
    """The range that holds `PERCENT_KEPT` of the values, with as many cut off on either side.

    counts: of each bin. edges: of the bins, one more than counts.
    """
    share = np.concatenate(([0.0], np.cumsum(counts) / counts.sum()))
    tail = (1 - PERCENT_KEPT / 100) / 2
    low, high = np.interp((tail, 1 - tail), share, edges)
    return float(low), float(high)


def least_error(counts: Array, edges: Array) -> Range:
    """The range with the smallest expected squared error of rounding inside and clipping outside.

    It is the whole range, widened to hold zero, or a fraction of it down to a fifth.
    """
    filled = np.flatnonzero(counts)
    low, high = min(float(edges[filled[0]]), 0.0), max(float(edges[filled[-1] + 1]), 0.0)
    values = (edges[:-1] + edges[1:]) / 2
    clipped = np.clip(values, low * _SHRUNK[:, None], high * _SHRUNK[:, None])
    rounding = ((high - low) * _SHRUNK / _STEPS) ** 2 / 12
    error = ((clipped - values) ** 2 * counts).sum(axis=1) / counts.sum() + rounding
    best = float(_SHRUNK[int(error.argmin())])
    return low * best, high * best


def entropy(counts: Array, edges: Array) -> Range:
    """The range whose values, rounded to 128 levels, lose the least information.

    By the Kullback-Leibler divergence from all values, those outside moved to its ends (Migacz
    2017, 8-bit Inference with TensorRT). The ranges tried end at equal distances from zero, half of
    the largest magnitude or more: finer histograms favour narrow ranges, in which few values share
    a level.
    """
    values = (edges[:-1] + edges[1:]) / 2
    largest = float(np.abs(values[counts > 0]).max())
    if largest == 0.0:
        return float(edges[0]), float(edges[-1])
    side = np.floor((values / largest + 1) * _BINS_A_SIDE).astype(np.intp)
    histogram = np.bincount(side.clip(0, 2 * _BINS_A_SIDE - 1), counts, 2 * _BINS_A_SIDE)
    tried = range(_BINS_A_SIDE // 2, _BINS_A_SIDE + 1)
    best = min(tried, key=lambda bins: _information_lost(histogram, bins))
    limit = best / _BINS_A_SIDE * largest
    return max(float(edges[0]), -limit), min(float(edges[-1]), limit)


def _information_lost(histogram: Array, bins: int) -> float:
    """histogram: as many bins on either side of zero, of which `bins` on each are inside."""
    outside = _BINS_A_SIDE - bins
    inside = histogram[outside : outside + 2 * bins]
    clipped = inside.copy()
    clipped[0] += histogram[:outside].sum()
    clipped[-1] += histogram[outside + 2 * bins :].sum()
    # Each level holds the values of its bins, spread evenly over those that hold any.
    level = np.arange(2 * bins) * _BINS_A_SIDE // (2 * bins)
    filled = inside > 0
    share = np.bincount(level, inside) / np.maximum(np.bincount(level, filled), 1)
    rounded = np.where(filled, share[level], 0.0)
    there = clipped > 0
    if (rounded[there] <= 0).any():
        return float("inf")
    p, q = clipped[there] / clipped.sum(), rounded[there] / rounded.sum()
    return float((p * np.log(p / q)).sum())
