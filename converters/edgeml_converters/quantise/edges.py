"""Inputs and outputs of an int8 file as integers, in both formats: what they stand for."""

import numpy as np

from edgeml.errors import ConversionError
from edgeml.quantisation import Quantisation
from edgeml_converters.asked import Io
from edgeml_converters.formats.tensors import Range, Ranges

ANSWER_MARGIN = 0.25
"""Answers go beyond what calibration saw, and those that do are cut off: 64 samples cost up to 12
dB of signal to noise on others, and the coarser steps of a range wider by this share 0.4 dB."""
_STEPS = 255
_NARROWEST = float(_STEPS * np.finfo(np.float32).tiny)
_UNSIGNED = 128  # an int8 of the same step and meaning is less by this


def widened(bounds: Range) -> Range:
    """The range of an answer, a little wider."""
    low, high = bounds
    more = (high - low) * ANSWER_MARGIN / 2
    return low - more, high + more


def of_int8(name: str, ranges: Ranges, *, answer: bool) -> Quantisation:
    """What the int8 of a tensor stand for by its range, 0 among it.

    Raises ConversionError where calibration found none.
    """
    if name not in ranges:
        raise ConversionError(
            f"--io cannot make {name!r} integers: it has no range, since it holds infinities or "
            "comes out of a loop or branch; leave --io out, or that tensor out of the model"
        )
    low, high = widened(ranges[name]) if answer else ranges[name]
    low, high = min(low, 0.0), max(high, 0.0)
    if 0 < high - low < _NARROWEST:
        raise ConversionError(
            f"--io cannot make {name!r} integers: from {low:.3g} to {high:.3g} it has no scale in "
            "float32, since that would be too small; let the model scale it, or leave --io out"
        )
    scale = float(np.float32((high - low) / _STEPS)) or 1.0
    return Quantisation(scale=scale, zero_point=round(-_UNSIGNED - low / scale))


def check_width(name: str, dtype: str) -> None:
    """Raises ConversionError for a float that is none of float32; dtype: numpy's name."""
    if dtype.startswith(("float", "bfloat")) and dtype != "float32":
        raise ConversionError(
            f"--io cannot make {name!r} integers: it is {dtype} and not float32; leave --io out, "
            "or make the model one of float32"
        )


def as_type(of: Quantisation, io: Io) -> Quantisation:
    """What stands for the same in that type; of: int8."""
    if io == "int8":
        return of
    return Quantisation(scale=of.scale, zero_point=of.zero_point + _UNSIGNED)
