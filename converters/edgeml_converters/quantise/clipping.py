"""Ranges of activations from a histogram of their values, which leave rare extremes out."""

import numpy as np

from edgeml_converters.formats.tensors import Array, Range

PERCENT_KEPT = 99.99
_STEPS = 255  # between the 256 values of int8
_SHRUNK = np.linspace(1.0, 0.2, 81)


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
