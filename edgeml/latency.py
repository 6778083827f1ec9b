"""Latency as counts over fixed edges, so that windows and devices merge by addition, exactly."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

BINS_PER_DECADE = 40  # a bin is 5.9 % wide, so a quantile is right within 3 %
DECADES = 8  # 1 µs to 100 s

EDGES_US: npt.NDArray[np.float64] = np.logspace(0, DECADES, BINS_PER_DECADE * DECADES + 1)
BINS = len(EDGES_US) + 1  # one below the first edge, one above the last


def counts(latencies_us: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Counts [BINS] of latencies in µs."""
    bins = np.searchsorted(EDGES_US, np.asarray(latencies_us, dtype=np.float64), side="right")
    return np.bincount(bins, minlength=BINS).astype(np.int64)


def quantile(merged: Sequence[int] | npt.NDArray[np.int64], q: float) -> float | None:
    """The q-quantile in µs, or None when nothing was counted.

    It is the geometric middle of the bin that holds the first value with a share q at or below it
    (numpy's "inverted_cdf"), so it is right within half a bin from 1 µs to 100 s.
    """
    cumulative = np.cumsum(np.asarray(merged, dtype=np.int64))
    if len(cumulative) == 0 or cumulative[-1] == 0:
        return None
    rank = max(1.0, q * cumulative[-1])  # the smallest is the first, and not the zeroth
    bin_ = int(np.searchsorted(cumulative, rank, side="left"))
    low = EDGES_US[max(bin_ - 1, 0)]
    high = EDGES_US[min(bin_, len(EDGES_US) - 1)]
    return float(np.sqrt(low * high))
