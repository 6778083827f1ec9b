"""What calibration sees of each activation: one pass over the samples serves every calibrator."""

from collections.abc import Mapping
from math import ceil, log2

import numpy as np

from edgeml_converters.formats.tensors import Array, Range, Ranges
from edgeml_converters.quantise.calibrators import range_of

BINS = 2048
STANDS_FOR_INFINITY = 3e38
"""From here on a value is no activation: the padding of a maximum, or what a mask puts in."""
LARGE_SOFTMAX = 128
"""From so many values on a softmax stays float: engines compute one in int8 in steps of 1/256, and
equal ones are two such steps here, less than half of one over 1,000 classes."""
_KEPT_OF_AVERAGE = 0.95  # as litert-quantizer smooths
_TINY = 1e-30


def bounds_of(values: Array) -> Range | None:
    """The smallest and the largest; None where there are none, or one is no number, an infinity or
    stands for one."""
    if not values.size:
        return None
    low, high = float(values.min()), float(values.max())
    return (low, high) if -STANDS_FOR_INFINITY < low and high < STANDS_FOR_INFINITY else None


class Activation:
    """The values of one tensor, piece by piece.

    low, high: the smallest and the largest. averaged: the moving average of the two over the
    pieces.
    """

    def __init__(self) -> None:
        self.low, self.high = np.inf, -np.inf
        self.averaged: Range = (0.0, 0.0)
        self._width = 0.0
        self._first = 0
        self._counts = np.zeros(0, np.int64)

    def add(self, values: Array, bounds: Range) -> None:
        """values: finite, at least one, float32 or wider; bounds: the smallest and the largest."""
        low, high = bounds
        if self._counts.size:
            kept, new = _KEPT_OF_AVERAGE, 1 - _KEPT_OF_AVERAGE
            before = self.averaged
            self.averaged = (kept * before[0] + new * low, kept * before[1] + new * high)
        else:
            self.averaged = (low, high)
            # A power of two, so that two bins are one of twice the width.
            spread = max(high - low, abs(high) / BINS, abs(low) / BINS, _TINY)
            self._width = 2.0 ** ceil(log2(spread / BINS))
        self.low, self.high = min(self.low, low), max(self.high, high)
        while self._bin(self.high) - self._bin(self.low) >= BINS:
            self._coarsen()
        first = self._bin(low)
        # By a power of two, so that float32 is exact, as are differences of whole numbers in it.
        places = np.floor(values.ravel() * values.dtype.type(1 / self._width))
        self._merge(first, np.bincount((places - values.dtype.type(first)).astype(np.intp)))

    def histogram(self) -> tuple[Array, Array]:
        """Counts, and the edges of their bins, one more, from the smallest to the largest value."""
        edges = (self._first + np.arange(len(self._counts) + 1)) * self._width
        return self._counts, edges.clip(self.low, self.high)

    def _bin(self, value: float) -> int:
        return int(np.floor(value / self._width))

    def _coarsen(self) -> None:
        """Makes one bin of two."""
        self._width *= 2
        if self._counts.size:
            index = (self._first + np.arange(len(self._counts))) // 2
            self._first = int(index[0])
            self._counts = np.bincount(index - self._first, self._counts).astype(np.int64)

    def _merge(self, first: int, counts: Array) -> None:
        if not self._counts.size:
            self._first, self._counts = first, counts.astype(np.int64)
            return
        start = min(first, self._first)
        end = max(first + len(counts), self._first + len(self._counts))
        merged = np.zeros(end - start, np.int64)
        for begin, part in ((first, counts), (self._first, self._counts)):
            merged[begin - start : begin - start + len(part)] += part
        self._first, self._counts = start, merged


def ranges_by(activations: Mapping[str, Activation], calibrator: str) -> Ranges:
    """The range of each activation by a calibrator, sorted by name."""
    if calibrator == "minmax":
        ranges = {name: (seen.low, seen.high) for name, seen in activations.items()}
    elif calibrator == "moving-average":
        ranges = {name: seen.averaged for name, seen in activations.items()}
    else:
        rule = range_of(calibrator)
        ranges = {name: rule(*seen.histogram()) for name, seen in activations.items()}
    return dict(sorted(ranges.items()))
