"""Two arrays scaled so that figures about them are finite, whatever the arrays hold."""

import sys

import numpy as np

from edgeml.parity import Array
from edgeml_converters.formats.tensors import Floats

_LARGE = 1e150  # the square of a larger number overflows, that of its reciprocal underflows


def comparable(answered: Array, expected: Array) -> bool:
    """Whether the shapes are equal and, unless both are empty, some value is finite in both."""
    if answered.shape != expected.shape:
        return False
    return not answered.size or bool((np.isfinite(answered) & np.isfinite(expected)).any())


def magnitude(array: Array) -> float:
    """The largest finite absolute value; 0 where there is none."""
    if array.dtype.kind != "f":
        return float(np.abs(array.astype(np.float64)).max(initial=0.0))
    highest, lowest = (of(array, initial=0.0, where=np.isfinite(array)) for of in (np.max, np.min))
    return max(float(highest), -float(lowest))


def common_unit(*arrays: Array) -> float:
    """What to divide `arrays` by, so that their squares neither overflow nor vanish; mostly 1."""
    largest = max(magnitude(array) for array in arrays)
    return 1.0 if largest == 0.0 or 1 / _LARGE < largest < _LARGE else largest


def in_unit(array: Array, unit: float) -> Floats:
    """`array` as float64, divided by `unit`; a NaN stays one."""
    floats: Floats = array.astype(np.float64)
    return floats if unit == 1.0 else floats / unit


def bounded(value: float) -> float:
    """`value` as a document can hold it: the largest float instead of infinity."""
    return max(-sys.float_info.max, min(sys.float_info.max, value))
