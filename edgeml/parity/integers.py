"""Integers: all together, each value by itself, and each slice that may be a column."""

from collections.abc import Sequence

import numpy as np

from edgeml.parity.axes import other_axes, slice_names
from edgeml.parity.figures import Array, Figure, Floats, Requirement
from edgeml.parity.limits import EVENTS_LEAST, LIMITS, VALUES_MOST, Name
from edgeml.parity.roles import Role, channel_axis


def integers(role: Role, model: Array, variant: Array) -> list[Requirement]:
    """Of what is no more or less; both [samples, ...], of which every value counts alike.

    A value is judged by itself where it comes up in enough samples: in each column of [samples,
    columns], or of the axis that the role names; else wherever it stands. Then every slice along
    any axis is looked at, of which one may be a column.
    """
    neither = (model != model) & (variant != variant)  # NaN in both
    wrong = (model != variant) & ~neither
    share = wrong.reshape(len(model), -1).mean(axis=1)[:, None]
    unequal = Figure("unequal", share, np.ones(share.shape), LIMITS["unequal"], counts=True)
    axis = channel_axis(role, model.shape)
    known = role.axis is not None or model.ndim <= 2
    found = [unequal, _of_values(model, wrong, axis if known else None)]
    if not known and axis is not None:
        found.append(_of_slices(model, wrong, (axis, *other_axes(axis, model.shape))))
    return [(figure,) for figure in found if figure is not None]


def _of_values(model: Array, wrong: Array, axis: int | None) -> Figure | None:
    """Of the places where the model gives a value, the share that is another one."""
    if axis is not None:
        model, wrong = (np.moveaxis(array, axis, -1) for array in (model, wrong))
    columns = 1 if axis is None else model.shape[-1]
    r, off = (array.reshape(len(model), -1, columns) for array in (model, wrong))
    values = _frequent(r)
    parts: list[tuple[Floats, Floats]] = []
    names: list[str] = []
    for column in range(columns if len(values) else 0):
        lost, there = _by_value(r[..., column], off[..., column], values)
        judged = np.flatnonzero((there > 0).sum(axis=0) >= EVENTS_LEAST)
        parts.append((lost[:, judged], there[:, judged]))
        where = f" of channel {column}" if columns > 1 else ""
        names += [f"value {values[place]}{where}" for place in judged]
    return _figure("unequal of a value", parts, names)


def _by_value(r: Array, off: Array, values: Array) -> tuple[Floats, Floats]:
    """[samples, values]: how often each is given and lost, and how often it is given.

    r, off: [samples, positions].
    """
    place = np.searchsorted(values, r).clip(max=len(values) - 1)
    given = values[place] == r
    cells = (place + np.arange(len(r))[:, None] * len(values))[given]
    size = len(r) * len(values)
    lost, there = (
        np.bincount(cells, of, size).astype(np.float64).reshape(len(r), -1)
        for of in (off[given], None)
    )
    return lost, there


def _frequent(model: Array) -> Array:
    """The values that may be judged, in order, at most VALUES_MOST of them; NaN is none."""
    values, counts = np.unique(model[model == model], return_counts=True)
    often = np.argsort(-counts, kind="stable")[:VALUES_MOST]
    frequent: Array = values[np.sort(often[counts[often] >= EVENTS_LEAST])]
    return frequent


def _of_slices(model: Array, wrong: Array, axes: tuple[int, ...]) -> Figure | None:
    """Of each slice, what is not its most frequent value: the share of these places that is lost;
    all of it where the slice is dead."""
    parts: list[tuple[Floats, Floats]] = []
    for axis in axes:
        r, off = (
            np.moveaxis(array, axis, -1).reshape(len(model), -1, model.shape[axis])
            for array in (model, wrong)
        )
        others = r != most_frequent(r)
        parts.append(
            ((others & off).sum(axis=1, dtype=np.float64), others.sum(axis=1, dtype=np.float64))
        )
    judged = [np.flatnonzero((there > 0).sum(axis=0) >= EVENTS_LEAST) for _, there in parts]
    firsts = np.cumsum([0, *(there.shape[1] for _, there in parts)])
    names = slice_names(axes, model.shape)
    return _figure(
        "unequal of a slice",
        [
            (lost[:, some], there[:, some])
            for (lost, there), some in zip(parts, judged, strict=True)
        ],
        [names[first + i] for first, some in zip(firsts, judged, strict=False) for i in some],
    )


def _figure(
    name: Name, parts: Sequence[tuple[Floats, Floats]], names: Sequence[str]
) -> Figure | None:
    if not names:
        return None
    lost, there = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
    return Figure(name, lost, there, LIMITS[name], EVENTS_LEAST, tuple(names))


def most_frequent(model: Array) -> Array:
    """[channels]: the value that each has most often; model: [samples, positions, channels]."""
    rows = np.sort(model.reshape(-1, model.shape[-1]), axis=0)
    starts = np.ones(rows.shape, np.bool_)
    starts[1:] = rows[1:] != rows[:-1]
    place = np.broadcast_to(np.arange(len(rows))[:, None], rows.shape)
    since = place - np.maximum.accumulate(np.where(starts, place, 0), axis=0)
    most: Array = np.take_along_axis(rows, since.argmax(axis=0)[None], axis=0)[0]
    return most
