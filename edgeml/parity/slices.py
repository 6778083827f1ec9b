"""What a device looks at each by itself: the channels of an output, or whatever may be one.

Where no role names an axis of three or more, every slice along every axis may be a channel. Of
integers, of which there is no more or less, all together come first, then the slices, then their
values, modulo VALUES_MOST.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgeml.parity.axes import judged_axes, other_axes, slice_names
from edgeml.parity.figures import Array, Floats
from edgeml.parity.limits import VALUES_MOST
from edgeml.parity.noise import along
from edgeml.parity.roles import Role


@dataclass(frozen=True)
class Slices:
    """axes: along which there are slices, that of the channels first; empty for [samples].
    values: of integers, how many values are looked at; 0 for floats."""

    axes: tuple[int, ...]
    values: int

    @property
    def integers(self) -> bool:
        return self.values > 0

    def count(self, shape: tuple[int, ...]) -> int:
        return len(self.names(shape))

    def names(self, shape: tuple[int, ...]) -> tuple[str, ...]:
        """As they follow "has channel"."""
        names = slice_names(self.axes, shape)
        if not self.integers:
            return names or ("0",)
        return ("all", *names, *(f"value {value}" for value in range(self.values)))

    def sizes(self, shape: tuple[int, ...]) -> Floats:
        """[slices]: how many values of an array of `shape` each holds; of an integer's value, all,
        since it may be anywhere."""
        total = float(np.prod(shape))
        whole = [total] if self.integers or not self.axes else []
        of_axes = [total / shape[axis] for axis in self.axes for _ in range(shape[axis])]
        return np.array(whole + of_axes + [total] * self.values)

    def place(self, axis: int, shape: tuple[int, ...]) -> slice:
        """Where the slices along one of the axes stand among all."""
        before = self.axes[: self.axes.index(axis)]
        first = int(self.integers) + sum(shape[a] for a in before)
        return slice(first, first + shape[axis])

    def means(self, errors: Floats, model: Array, spread: Floats) -> Floats:
        """[samples, slices]: the mean of (errors / spread)^2 over each sample's part of a slice.

        errors, model: [samples, ...]; model tells where an integer's value is. spread: [slices].
        """
        flat = errors.reshape(len(errors), -1)
        parts: list[Floats] = []
        if self.integers or not self.axes:
            parts.append(np.square(flat / spread[0]).mean(axis=1)[:, None])
        for axis in self.axes:
            own = along(spread[self.place(axis, errors.shape)], axis, errors.ndim)
            parts.append(np.square(errors / own).mean(axis=_rest(axis, errors.ndim)))
        if self.integers:
            cells = model.reshape(flat.shape).astype(np.int64) % self.values
            cells += np.arange(len(flat))[:, None] * self.values
            sums = np.bincount(cells.ravel(), np.square(flat).ravel(), len(flat) * self.values)
            of_values = sums.reshape(len(flat), self.values) / flat.shape[1]
            parts.append(of_values / spread[-self.values :] ** 2)
        return np.concatenate(parts, axis=1)


def _rest(axis: int, axes: int) -> tuple[int, ...]:
    return tuple(a for a in range(1, axes) if a != axis)


def slices(roles: Sequence[Role], model: Array, count: int | None = None) -> Slices:
    """Of an output, by its roles; model: answers to all rows of the proof, or to some of them where
    `count` says how many slices there are in all.

    Raises ValueError for an axis that it has not.
    """
    shape = model.shape
    if model.dtype.kind not in "iub":
        return Slices(judged_axes(roles, shape), 0)
    axes = judged_axes(roles, shape)
    if axes and not any(role.axis is not None for role in roles):
        axes = (axes[0], *other_axes(axes[0], shape))
    if count is not None:
        return Slices(axes, max(1, count - 1 - sum(shape[axis] for axis in axes)))
    numbers = model.astype(np.int64) if model.size else np.zeros(1, np.int64)
    few = numbers.min() >= 0 and numbers.max() < VALUES_MOST
    return Slices(axes, int(numbers.max()) + 1 if few else VALUES_MOST)
