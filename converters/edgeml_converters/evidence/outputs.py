"""The figures of one output, beside those that parity.compare judges by."""

import numpy as np

from edgeml.evidence import OutputEvidence
from edgeml.parity import Array
from edgeml_converters.evidence.arrays import bounded, comparable, in_unit, unit
from edgeml_converters.evidence.classes import ClassRows, class_rows, flipped_samples, worst_flips
from edgeml_converters.evidence.intervals import wilson
from edgeml_converters.evidence.labels import Classes, known_classes
from edgeml_converters.evidence.probabilities import calibration_error, probabilities


def output_evidence(
    name: str,
    found: Array,
    expected: Array,
    labels: Array | None = None,
    int8_scale: float | None = None,
    int8_zero_point: int | None = None,
) -> OutputEvidence:
    """Figures of `found` against `expected`, both of shape [samples, ...].

    Differences are of the values that are finite in both. With more than two axes every position
    has an arg max of its own: top1 and top5 are shares of positions, flips are samples.
    labels: of shape [samples], or one a position; what fits no class of this output is left out.
    int8_scale, int8_zero_point: how `found` was quantised, where it was.
    Raises ValueError for arrays that arrays.comparable refuses.
    """
    if not comparable(found, expected):
        raise ValueError(f"found {found.shape} cannot be compared with expected {expected.shape}")
    one = unit(found, expected)
    a, b = in_unit(found, one), in_unit(expected, one)
    finite = np.isfinite(a) & np.isfinite(b)
    a, b = a[finite], b[finite]
    difference = np.abs(a - b)
    largest = float(difference.max(initial=0.0))
    rows = class_rows(found, expected)
    classes = known_classes(labels, expected.shape[:-1], expected.shape[-1]) if rows else None
    flat = None if classes is None else classes.reshape(-1)
    first = rows.among_first if rows else None
    return OutputEvidence(
        name=name,
        p99_abs=bounded(float(np.percentile(difference, 99)) * one) if a.size else 0.0,
        relative_to_range=bounded(largest / _spread(b, one)),
        mean_abs=bounded(float(difference.mean()) * one) if a.size else 0.0,
        top1=wilson(int(rows.agree.sum()), len(rows.found)) if rows else None,
        top5=wilson(int(first.sum()), len(first)) if first is not None else None,
        flips=flipped_samples(rows) if rows else 0,
        worst_flips=worst_flips(rows, flat) if rows else (),
        saturation=_saturation(found, expected, int8_scale, int8_zero_point),
        calibration_shift=_calibration_shift(rows, flat) if rows else None,
    )


def _spread(expected: Array, one: float) -> float:
    """Highest minus lowest; of a constant its magnitude, of nothing but zeros 1."""
    if not expected.size:
        return 1.0
    low, high = float(expected.min()), float(expected.max())
    return high - low or abs(high) or 1.0 / one


def _calibration_shift(rows: ClassRows, classes: Classes | None) -> float | None:
    if classes is None or not rows.usable.any():
        return None
    expected = rows.expected[rows.usable] * rows.one
    found = rows.found[rows.usable] * rows.one
    true = classes[rows.usable]
    return calibration_error(probabilities(found, expected), true) - calibration_error(
        probabilities(expected, expected), true
    )


def _saturation(
    found: Array, expected: Array, scale: float | None, zero_point: int | None
) -> float | None:
    """The share of values at the ends of the range of int8.

    Raw integers and floats with a zero point have known ends. With the scale alone, the lowest and
    the highest value found are ends where they span all 256 steps, or where the expected values go
    on beyond them by a step or more.
    """
    if not found.size:
        return None
    if found.dtype.name in ("int8", "uint8"):
        ends = np.iinfo(found.dtype)
        return float(((found == ends.min) | (found == ends.max)).mean())
    if scale is None or scale <= 0 or found.dtype.kind != "f":
        return None
    far = 1e9 * scale  # nothing that was int8 is there, and the steps up to it are still exact
    values = found[np.isfinite(found)].astype(np.float64).clip(-far, far)
    steps = np.round(values / scale)
    if zero_point is not None:
        return float(((steps <= -128 - zero_point) | (steps >= 127 - zero_point)).mean())
    all_steps = steps.max() - steps.min() >= 255
    at_low = all_steps or expected.min() <= values.min() - scale
    at_high = all_steps or expected.max() >= values.max() + scale
    return float(((steps == steps.min()) & at_low | (steps == steps.max()) & at_high).mean())
