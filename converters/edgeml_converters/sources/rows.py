"""Which samples calibrate, which choose, which prove, and which a device re-checks."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgeml.errors import InputError
from edgeml_converters.evidence.labels import drop_column
from edgeml_converters.evidence.slices import partition
from edgeml_converters.formats.tensors import Array
from edgeml_converters.sources.data import Data

Rows = npt.NDArray[np.intp]

_SEED = 0
# At most so much of the data: what calibration has not seen is cut off, while a choice is made
# between files that differ by decibels.
_CALIBRATION_PARTS = 3
_CHOICE_PARTS = 6
_CLASS_ROWS = 4  # on average, at least: whole numbers of fewer are no classes


@dataclass(frozen=True)
class Split:
    """Rows of the data, of which the proof has none that another part has.

    calibration: for the ranges of static int8. choice: by which a calibrator and repairs are
    chosen. proof: on which parity is shown; the holdout is of these.
    """

    calibration: Rows
    choice: Rows
    proof: Rows


def spread(samples: int, limit: int) -> Rows:
    """At most `limit` indices, evenly over all samples."""
    return np.linspace(0, samples - 1, min(samples, limit)).round().astype(np.intp)


def split(data: Data, calibration: int, choice: int) -> Split:
    """At most so many rows to calibrate on and to choose by, the rest to prove.

    A seeded draw in which every class, by the labels, else every value of the key to slice by, has
    its share of each part: rows in order of class would calibrate on one and prove another. What
    was chosen by the rows of the proof would be praised for what it has seen. Where there is no row
    for the choice alone, it has those of the calibration, else of the proof. Raises InputError when
    there is only one sample for two parts.
    """
    if calibration and data.samples < 2:
        raise InputError(
            f"{data.path} holds 1 sample, but static int8 needs some to calibrate on and others to "
            "show parity; give at least 3, better 100."
        )
    order = _drawn(data)
    first = min(calibration, max(1, data.samples // _CALIBRATION_PARTS))
    most = min(max(1, data.samples // _CHOICE_PARTS), data.samples - first - 1)
    second = first + min(choice, most)
    of_calibration, of_choice, of_proof = (
        np.sort(part) for part in np.split(order, [first, second])
    )
    if choice and not len(of_choice):
        of_choice = of_calibration if first else of_proof
    return Split(of_calibration, of_choice, of_proof)


def _drawn(data: Data) -> Rows:
    """All rows in an order of which every beginning has its share of each group."""
    rng = np.random.default_rng(_SEED)
    place = np.empty(data.samples)
    for rows in _groups(data):
        place[rng.permutation(rows)] = (np.arange(len(rows)) + rng.random(len(rows))) / len(rows)
    return np.argsort(place, kind="stable")


def _groups(data: Data) -> list[Rows]:
    groups: list[tuple[str, Array]] = [] if data.slices is None else [data.slices]
    if data.labels is not None:
        labels = drop_column(data.labels, 1)
        if labels.shape == (data.samples,) and labels.dtype.kind in "biuSU":
            distinct, which = np.unique(labels, return_inverse=True)
            if len(distinct) * _CLASS_ROWS <= data.samples:
                return [np.flatnonzero(which == i) for i in range(len(distinct))]
        groups.insert(0, ("labels", labels))
    for name, values in groups:
        try:
            return [rows for _, rows in partition(name, values, data.samples)]
        except InputError:
            continue  # names of more groups than a draw can have a share of
    return [np.arange(data.samples)]
