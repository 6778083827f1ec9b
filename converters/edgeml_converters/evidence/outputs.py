"""The figures of one output, beside those that decide."""

import numpy as np

from edgeml.evidence import OutputEvidence
from edgeml.parity import Array
from edgeml_converters.evidence.arrays import bounded, common_unit, comparable, in_unit
from edgeml_converters.evidence.classes import ClassRows, class_rows, flipped_samples, worst_flips
from edgeml_converters.evidence.intervals import wilson
from edgeml_converters.evidence.labels import NO_CLASS, Classes, known_classes
from edgeml_converters.evidence.probabilities import calibration_error, probabilities


def output_evidence(
    name: str,
    answered: Array,
    expected: Array,
    labels: Array | None = None,
    int8_scale: float | None = None,
    int8_zero_point: int | None = None,
    class_axis: int | None = -1,
) -> OutputEvidence:
    """Figures of the variant's output against the model's, `expected`; both [samples, ...].

    Differences are taken where both values are finite. With more than two axes every position has
    an arg max of its own: top1 and top5 are shares of positions, flips are samples.
    labels: [samples], or one for each position; labels that are no classes of this output are
    ignored. int8_scale, int8_zero_point: how `answered` was quantised, where it was. class_axis:
    None where the output has no classes.
    Raises ValueError for arrays that arrays.comparable refuses.
    """
    if not comparable(answered, expected):
        raise ValueError(
            f"found {answered.shape} cannot be compared with expected {expected.shape}"
        )
    unit = common_unit(answered, expected)
    finite = np.isfinite(answered) & np.isfinite(expected)
    whole = bool(finite.all())
    a, b = (in_unit(array if whole else array[finite], unit) for array in (answered, expected))
    a -= b
    difference = np.abs(a, out=a)
    largest = float(difference.max(initial=0.0))
    rows = class_rows(answered, expected, class_axis)
    classes = _classes(labels, expected, class_axis) if rows else None
    flat = None if classes is None else classes.reshape(-1)
    first = rows.among_first if rows else None
    return OutputEvidence(
        name=name,
        p99_abs=bounded(float(np.percentile(difference, 99)) * unit) if a.size else 0.0,
        relative_to_range=bounded(largest / _spread(b, unit)),
        mean_abs=bounded(float(difference.mean()) * unit) if a.size else 0.0,
        top1=wilson(int(rows.agree.sum()), len(rows.answered)) if rows else None,
        top5=wilson(int(first.sum()), len(first)) if first is not None else None,
        flips=flipped_samples(rows) if rows else 0,
        worst_flips=worst_flips(rows, flat) if rows else (),
        saturation=_saturation(answered, expected, int8_scale, int8_zero_point),
        calibration_shift=_calibration_shift(rows, flat) if rows else None,
    )


def _classes(labels: Array | None, expected: Array, axis: int | None) -> Classes | None:
    assert axis is not None
    shape = list(expected.shape)
    count = shape.pop(axis)
    return known_classes(labels, tuple(shape), count)


def _spread(expected: Array, unit: float) -> float:
    """The highest value minus the lowest; for a constant its magnitude, and 1 for zeros only."""
    if not expected.size:
        return 1.0
    low, high = float(expected.min()), float(expected.max())
    return high - low or abs(high) or 1.0 / unit


def _calibration_shift(rows: ClassRows, classes: Classes | None) -> float | None:
    if classes is None:
        return None
    labelled = rows.usable & (classes != NO_CLASS)
    if not labelled.any():
        return None
    answered, expected = (
        of[labelled].astype(np.float64) * rows.unit for of in (rows.answered, rows.expected)
    )
    true = classes[labelled]
    return calibration_error(probabilities(answered, expected), true) - calibration_error(
        probabilities(expected, expected), true
    )


def _saturation(
    answered: Array, expected: Array, scale: float | None, zero_point: int | None
) -> float | None:
    """The share of values at the ends of the range of int8.

    Raw integers and floats with a zero point have known ends. With the scale alone, the lowest and
    the highest value are ends where they span all 256 steps, or where the expected values go on
    beyond them by a step or more.
    """
    if not answered.size:
        return None
    if answered.dtype.name in ("int8", "uint8"):
        ends = np.iinfo(answered.dtype)
        return float(((answered == ends.min) | (answered == ends.max)).mean())
    if scale is None or scale <= 0 or answered.dtype.kind != "f":
        return None
    far = 1e9 * scale  # nothing that was int8 is there, and the steps up to it are still exact
    values = answered[np.isfinite(answered)].astype(np.float64).clip(-far, far)
    steps = np.round(values / scale)
    if zero_point is not None:
        return float(((steps <= -128 - zero_point) | (steps >= 127 - zero_point)).mean())
    all_steps = steps.max() - steps.min() >= 255
    at_low = all_steps or expected.min() <= values.min() - scale
    at_high = all_steps or expected.max() >= values.max() + scale
    return float(((steps == steps.min()) & at_low | (steps == steps.max()) & at_high).mean())
