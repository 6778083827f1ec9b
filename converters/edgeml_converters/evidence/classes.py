"""Outputs with classes: the arg max over the last axis, and where it changed."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeml.evidence import Flip
from edgeml.parity import Array
from edgeml_converters.evidence.arrays import bounded, finite_rows, in_unit, unit
from edgeml_converters.evidence.labels import Classes
from edgeml_converters.formats.tensors import Floats

WORST = 16
_FIRST = 5


@dataclass(frozen=True)
class ClassRows:
    """An output of shape [samples, ..., classes] as rows x classes.

    found, expected: in the unit `one`, see arrays.unit. usable: rows that are finite in
    both; the others have no arg max and agree with nothing. per_sample: rows that one sample has.
    """

    found: Floats
    expected: Floats
    usable: npt.NDArray[np.bool_]
    one: float
    per_sample: int

    @property
    def agree(self) -> npt.NDArray[np.bool_]:
        agree: npt.NDArray[np.bool_] = self.usable & (
            self.found.argmax(axis=1) == self.expected.argmax(axis=1)
        )
        return agree

    @property
    def among_first(self) -> npt.NDArray[np.bool_] | None:
        """Rows whose expected class is among the five highest found; None below six classes.

        Of equal values the lower class comes first, as in arg max.
        """
        if self.found.shape[1] <= _FIRST:
            return None
        rows = np.arange(len(self.found))
        expected = self.expected.argmax(axis=1)
        value = self.found[rows, expected][:, None]
        earlier = np.arange(self.found.shape[1]) < expected[:, None]
        before = (self.found > value) | ((self.found == value) & earlier)
        first: npt.NDArray[np.bool_] = self.usable & (before.sum(axis=1) < _FIRST)
        return first


def class_rows(found: Array, expected: Array) -> ClassRows | None:
    """None where there is one column, or nothing at all."""
    if expected.ndim < 2 or expected.shape[-1] < 2 or not expected.size:
        return None
    one = unit(found, expected)
    columns = expected.shape[-1]
    a, b = found.reshape(-1, columns), expected.reshape(-1, columns)
    return ClassRows(
        found=in_unit(a, one),
        expected=in_unit(b, one),
        usable=finite_rows(a) & finite_rows(b),
        one=one,
        per_sample=len(a) // len(expected),
    )


def flipped_samples(rows: ClassRows) -> int:
    """How many samples have a row whose arg max changed."""
    return int((~rows.agree).reshape(-1, rows.per_sample).any(axis=1).sum())


def worst_flips(rows: ClassRows, labels: Classes | None) -> tuple[Flip, ...]:
    """The changed rows in which the model was surest, one a sample, at most 16.

    labels: the true class of each row. A row that is not finite has no margin and is not listed.
    """
    changed = np.flatnonzero(rows.usable & ~rows.agree)
    expected, found = rows.expected[changed], rows.found[changed]
    expected_margins, found_margins = _margins(expected, rows.one), _margins(found, rows.one)
    # lexsort's last key comes first; equal margins are listed by row.
    order = np.lexsort([changed, -found_margins, -expected_margins])
    flips: dict[int, Flip] = {}
    for i in order:
        row = int(changed[i])
        sample = row // rows.per_sample
        if sample not in flips:
            flips[sample] = Flip(
                sample=sample,
                expected=int(expected[i].argmax()),
                found=int(found[i].argmax()),
                expected_margin=bounded(float(expected_margins[i])),
                found_margin=bounded(float(found_margins[i])),
                label=None if labels is None else int(labels[row]),
            )
        if len(flips) == WORST:
            break
    return tuple(flips.values())


def _margins(rows: Floats, one: float) -> Floats:
    """How far each row's highest value is above its second."""
    second, highest = np.partition(rows, -2, axis=1)[:, -2:].T
    with np.errstate(over="ignore"):
        margins: Floats = (highest - second) * one
    return margins
