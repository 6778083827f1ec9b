"""Outputs with classes: the arg max over the last axis, and where it changed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeml.evidence import Flip
from edgeml.parity import Array
from edgeml_converters.evidence.arrays import bounded, common_unit, in_unit
from edgeml_converters.evidence.labels import NO_CLASS, Classes
from edgeml_converters.formats.tensors import Floats

WORST = 16
_FIRST = 5


@dataclass(frozen=True)
class ClassRows:
    """An output of shape [samples, ..., classes] as rows x classes.

    answered, expected: the variant's and the model's values, divided by `unit`; see
    arrays.common_unit. usable: rows of which both have an arg max. alike: rows without one, as of
    NaN or where all is ruled out, that are the same in both; other rows without agree with nothing.
    per_sample: how many rows each sample has.
    """

    answered: Array
    expected: Array
    usable: npt.NDArray[np.bool_]
    alike: npt.NDArray[np.bool_]
    unit: float
    per_sample: int

    @property
    def agree(self) -> npt.NDArray[np.bool_]:
        same = self.answered.argmax(axis=1) == self.expected.argmax(axis=1)
        agree: npt.NDArray[np.bool_] = (self.usable & same) | self.alike
        return agree

    @property
    def among_first(self) -> npt.NDArray[np.bool_] | None:
        """Rows whose class by the model is among the variant's top five; None below six classes.

        Of equal values the lower class comes first, as in arg max.
        """
        if self.answered.shape[1] <= _FIRST:
            return None
        rows = np.arange(len(self.answered))
        expected = self.expected.argmax(axis=1)
        value = self.answered[rows, expected][:, None]
        earlier = np.arange(self.answered.shape[1]) < expected[:, None]
        before = (self.answered > value) | ((self.answered == value) & earlier)
        first: npt.NDArray[np.bool_] = self.usable & (before.sum(axis=1) < _FIRST)
        return first | self.alike


def class_rows(answered: Array, expected: Array, axis: int | None = -1) -> ClassRows | None:
    """The rows of both outputs; None for a single column or an empty output.

    axis: of the classes; None where there are none.
    """
    if axis is None:
        return None
    if expected.ndim > 1 and axis != -1:
        answered, expected = np.moveaxis(answered, axis, -1), np.moveaxis(expected, axis, -1)
    if expected.ndim < 2 or expected.shape[-1] < 2 or not expected.size:
        return None
    unit = common_unit(answered, expected)
    columns = expected.shape[-1]
    a, b = answered.reshape(-1, columns), expected.reshape(-1, columns)
    usable = _has_largest(a) & _has_largest(b)
    return ClassRows(
        answered=a if unit == 1.0 else in_unit(a, unit),
        expected=b if unit == 1.0 else in_unit(b, unit),
        usable=usable,
        alike=~usable & ((a == b) | ((a != a) & (b != b))).all(axis=1),
        unit=unit,
        per_sample=len(a) // len(expected),
    )


def _has_largest(rows: Array) -> npt.NDArray[np.bool_]:
    """Whether each row has one that is the largest, which may be infinite; others may be minus
    infinity, as of a mask."""
    highest = rows.max(axis=1, keepdims=True)
    one = (rows == highest).sum(axis=1) == 1
    largest: npt.NDArray[np.bool_] = np.isfinite(highest[:, 0]) | (one & (highest[:, 0] > 0))
    return largest


def flipped_samples(rows: ClassRows) -> int:
    """How many samples have a row whose arg max changed."""
    return int((~rows.agree).reshape(-1, rows.per_sample).any(axis=1).sum())


def worst_flips(rows: ClassRows, labels: Classes | None) -> tuple[Flip, ...]:
    """The flips in which the model was surest, at most one for each sample and 16 in all.

    labels: the true class of each row, or NO_CLASS. A row that is not finite has no margin and is
    not listed.
    """
    changed = np.flatnonzero(rows.usable & ~rows.agree)
    expected, answered = rows.expected[changed], rows.answered[changed]
    expected_margins = _margins(expected, rows.unit)
    answered_margins = _margins(answered, rows.unit)
    # lexsort's last key comes first; equal margins are listed by row.
    order = np.lexsort([changed, -answered_margins, -expected_margins])
    flips: dict[int, Flip] = {}
    for i in order:
        row = int(changed[i])
        sample = row // rows.per_sample
        if sample not in flips:
            flips[sample] = Flip(
                sample=sample,
                expected=int(expected[i].argmax()),
                found=int(answered[i].argmax()),
                expected_margin=bounded(float(expected_margins[i])),
                found_margin=bounded(float(answered_margins[i])),
                label=None if labels is None or labels[row] == NO_CLASS else int(labels[row]),
            )
        if len(flips) == WORST:
            break
    return tuple(flips.values())


def _margins(rows: Array, unit: float) -> Floats:
    """How far each row's highest value is above its second."""
    second, highest = np.partition(rows, -2, axis=1)[:, -2:].T.astype(np.float64)
    with np.errstate(over="ignore"):  # of an infinite one the margin is infinite
        margins: Floats = (highest - second) * unit
    return margins
