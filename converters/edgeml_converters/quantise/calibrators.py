"""Ways to find the ranges of activations for static int8."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import numpy as np

from edgeml.errors import ConversionError
from edgeml.manifest import Format
from edgeml_converters.formats.tensors import Array, Range
from edgeml_converters.plugins import check_words, plugins
from edgeml_converters.quantise.clipping import entropy, least_error, percentile

# edgeml's own by format, the cheapest first.
#   minmax          the smallest and the largest value that was seen
#   moving-average  of the smallest and the largest value of each sample (litert-quantizer's own)
#   percentile      leaves the outermost 0.01 % of the values out
#   entropy         the range whose rounded histogram says the most about the original one
#   error           the range with the smallest squared error of rounding and clipping
CALIBRATORS: dict[Format, tuple[str, ...]] = {
    "onnx": ("minmax", "percentile", "error", "entropy"),
    "tflite": ("minmax", "moving-average", "percentile", "error"),
}
_FLOAT32_MAX = float(np.finfo(np.float32).max)
RangeOf = Callable[[Array, Array], Range]


@dataclass(frozen=True)
class Calibrator:
    """range_of: the range of an activation by the histogram of its values.

    It gets the counts of the bins and their edges, one more than counts, and answers with the
    smallest and the largest value that int8 shall tell apart.
    """

    range_of: RangeOf
    formats: tuple[Format, ...] = ("onnx", "tflite")

    def __post_init__(self) -> None:
        check_words("formats", self.formats, get_args(Format))


_BY_HISTOGRAM = {
    "percentile": Calibrator(percentile),
    "error": Calibrator(least_error),
    "entropy": Calibrator(entropy),
}


def calibrators(form: Format) -> tuple[str, ...]:
    """The names of all calibrators for a format, edgeml's own first."""
    added = (name for name, calibrator in _added().items() if form in calibrator.formats)
    return (*CALIBRATORS[form], *added)


def range_of(name: str) -> RangeOf:
    """The rule of a calibrator that needs histograms.

    The rule raises ConversionError where a calibrator of another package returns no range.
    """
    calibrator = _BY_HISTOGRAM.get(name) or _added()[name]

    def checked(counts: Array, edges: Array) -> Range:
        low, high = calibrator.range_of(counts, edges)
        if not (-_FLOAT32_MAX <= low <= high <= _FLOAT32_MAX):
            raise ConversionError(f"the calibrator {name} answers with no range: {low} to {high}")
        return float(low), float(high)

    return checked


def _added() -> dict[str, Calibrator]:
    taken = {name for names in CALIBRATORS.values() for name in names}
    return plugins("calibrators", Calibrator, taken)
