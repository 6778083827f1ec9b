"""The samples that share a value of a key, the worst first: a mean hides a group that suffers."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from edgeml.errors import InputError
from edgeml.evidence import Slice
from edgeml.parity import Array
from edgeml_converters.evidence.arrays import bounded, common_unit, comparable, in_unit
from edgeml_converters.evidence.classes import class_rows
from edgeml_converters.evidence.intervals import Rows
from edgeml_converters.evidence.metrics import Metric
from edgeml_converters.formats.tensors import Arrays

_MOST_NUMBERS = 16
_MOST_NAMES = 64
_QUARTILES = (0.25, 0.5, 0.75)


def slices(
    key: str,
    values: Array,
    answers: Arrays,
    expected: Arrays,
    labels: Array | None = None,
    metric: Metric | None = None,
    class_axes: Mapping[str, int] | None = None,
) -> tuple[Slice, ...]:
    """One Slice for each value of `key`; numbers of more than 16 values are cut into quartiles.

    values: [samples]. answers, expected: by output, first axis the sample; an output whose shapes
    differ is left out. class_axes: as of `evidence`. Worst first: by top1, then by SNR, which is
    0 dB at most where a value is not finite. Raises InputError unless there is one value for each
    sample and, where they are names, at most 64 different ones; and as Metric.bind does.
    """
    samples = len(next(iter(expected.values())))
    pairs = [
        (answers[name], array, -1 if class_axes is None else class_axes.get(name))
        for name, array in expected.items()
        if name in answers and comparable(answers[name], array)
    ]
    score = None if metric is None else metric.bind(labels, answers, like=expected)
    parts: list[Slice] = []
    for value, rows in partition(key, values, samples):
        snrs = [snr for a, b, _ in pairs if (snr := _snr_db(a[rows], b[rows])) is not None]
        top1s = [
            top1 for a, b, axis in pairs if (top1 := _top1(a[rows], b[rows], axis)) is not None
        ]
        parts.append(
            Slice(
                key=key,
                value=value,
                samples=len(rows),
                snr_db=min(snrs, default=None),
                top1=min(top1s, default=None),
                task=score(rows) if score else None,
            )
        )
    # Sorting is stable, so that equals stay in the order of their values.
    return tuple(sorted(parts, key=_badness))


def partition(key: str, values: Array, samples: int) -> list[tuple[str, Rows]]:
    """The rows of each value, in the order of the values; every row is in one of them."""
    values = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
    if values.shape != (samples,):
        raise InputError(
            f"{key!r} must hold one value for each of the {samples} samples to slice by, but has "
            f"shape {list(values.shape)}; save one."
        )
    distinct, which = np.unique(values, return_inverse=True)
    if values.dtype.kind in "iuf" and len(distinct) > _MOST_NUMBERS:
        return _quartiles(values)
    if len(distinct) > _MOST_NAMES:
        raise InputError(
            f"{key!r} has {len(distinct)} different values, where at most {_MOST_NAMES} can be "
            "slices; choose a key that groups the samples."
        )
    return [(str(value), np.flatnonzero(which == i)) for i, value in enumerate(distinct)]


def _quartiles(values: Array) -> list[tuple[str, Rows]]:
    missing = np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), np.bool_)
    # As they occur: no cut between two values, which could overflow.
    cuts = np.unique(np.quantile(values[~missing], _QUARTILES, method="lower"))
    which: npt.NDArray[np.intp] = np.searchsorted(cuts, values)
    ends = [f"{cut:.6g}" for cut in cuts]
    if len(set(ends)) < len(ends):
        ends = [str(cut) for cut in cuts]
    names = [
        f"at most {ends[0]}",
        *(f"above {low} to {high}" for low, high in pairwise(ends)),
        f"above {ends[-1]}",
    ]
    parts = [(name, np.flatnonzero((which == i) & ~missing)) for i, name in enumerate(names)]
    parts.append(("nan", np.flatnonzero(missing)))
    return [(name, rows) for name, rows in parts if len(rows)]


def _badness(part: Slice) -> tuple[float, float]:
    return (
        1.0 if part.top1 is None else part.top1,
        np.inf if part.snr_db is None else part.snr_db,
    )


def _snr_db(answered: Array, expected: Array) -> float | None:
    """Signal to noise, for any values; None where exact."""
    unit = common_unit(answered, expected)
    a, b = in_unit(answered, unit), in_unit(expected, unit)
    finite = np.isfinite(a) & np.isfinite(b)
    all_finite = bool(finite.all())
    signal = float((b[finite] ** 2).sum())
    noise = float(((a[finite] - b[finite]) ** 2).sum())
    if noise == 0.0:
        return None if all_finite else 0.0
    # The difference of logarithms: the quotient itself may be too large for a float.
    snr = bounded(float(10 * (np.log10(signal) - np.log10(noise)))) if signal > 0 else 0.0
    return snr if all_finite else min(snr, 0.0)


def _top1(answered: Array, expected: Array, axis: int | None) -> float | None:
    rows = class_rows(answered, expected, axis)
    return None if rows is None else float(rows.agree.mean())
