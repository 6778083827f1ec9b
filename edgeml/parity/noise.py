"""The noise of each channel, in shares of the channel's own spread."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeml.parity.blocks import by_blocks, chunks
from edgeml.parity.figures import Array, Figure, Floats, Requirement
from edgeml.parity.limits import LIMITS, STEPS_LEAST, Limit, Name
from edgeml.parity.units import bounded, common_unit, units

_CONSTANT = 1e-6  # of its own magnitude: a spread of rounding
_ERROR_MOST = 1e120  # squared, in shares of any spread: so far off that nothing else matters


def exact(array: Array) -> Floats:
    floats: Floats = array.astype(np.float64)
    return floats


def noise(
    name: Name,
    model: Array,
    variant: Array,
    limit: Limit | tuple[Limit, ...],
    of: Callable[[Array], Floats] = exact,
) -> Figure:
    """sum (v - r)^2 / sum (r - mean r)^2 of each channel; both [samples, ..., channels].

    mean r: of the channel, over all samples and positions. A channel that is constant is divided by
    its own square instead; one that is zero by the least spread of the others; where every channel
    is constant there is nothing to divide by. Where the model's answer is not finite it does not
    count. of: what is compared, of some samples of either.
    """
    (sums,) = sums_along(model, variant, of, (-1,))
    return Figure(name, sums.errors, denominators(sums), limit)


def of_state(model: Array, variant: Array) -> Requirement:
    """The mean noise of all values of a state that is fed back, [samples, ...], each at most 1, as
    of a lost one. It is the same as numbers are whose error nobody knows, or, over many steps,
    within its limit."""
    r, v = (array.reshape(len(array), -1) for array in (model, variant))
    (sums,) = sums_along(r, v, exact, (-1,))
    totals = denominators(sums).sum(axis=0)
    lost = np.maximum(totals, sums.errors.sum(axis=0))
    shares = np.divide(sums.errors, lost, out=np.zeros_like(sums.errors), where=totals > 0)
    known = np.full((len(model), 1), 1 / len(model) if totals.any() else 0.0)
    name: Name = "noise of a state"
    limit = LIMITS[name]
    over_steps = Figure(name, shares.mean(axis=1, keepdims=True), known, limit, STEPS_LEAST)
    near = replace(over_steps, limit=limit._replace(same=LIMITS["noise"].same), events_least=0)
    return (near, over_steps)


def spread(model: Array) -> Floats:
    """The root mean square distance from the mean of each channel of [samples, ..., channels]; 0 of
    a constant."""
    (sums,) = sums_along(model, model, exact, (-1,))
    total, squares, count = (
        of.sum(axis=0) for of in (sums.spreads, sums.squares, sums.counts)
    )  # fmt: skip
    total = np.where(total <= _CONSTANT**2 * squares, 0.0, total)
    spreads: Floats = np.sqrt(total / np.maximum(count, 1)) * sums.units
    return spreads


@dataclass(frozen=True)
class Sums:
    """Over each sample's part of each slice: [samples, slices]. errors: of (v - r)^2; spreads: of
    (r - mean r)^2; squares: of r^2; counts: how many values are finite. units: [slices], of r and v
    in these sums, mostly 1."""

    errors: Floats
    spreads: Floats
    squares: Floats
    counts: Floats
    units: Floats


def sums_along(
    model: Array, variant: Array, of: Callable[[Array], Floats], axes: Sequence[int]
) -> list[Sums]:
    """Of the slices along each of `axes`, in one pass.

    Squares are summed around a centre near the mean, which costs no digits.
    """
    axes = [axis % model.ndim for axis in axes]
    if len(axes) > 1 and model.dtype == np.float64:  # each axis may need units of its own
        return [sums for axis in axes for sums in sums_along(model, variant, of, (axis,))]
    unit = units(model, of, axes[0])
    scale = along(unit, axes[0], model.ndim)
    others = [tuple(a for a in range(1, model.ndim) if a != axis) for axis in axes]
    centres: list[Floats] = []
    parts: list[list[list[Floats]]] = [[] for _ in axes]
    for rows in chunks(model):
        r, v = bounded(of(model[rows]), scale), bounded(of(variant[rows]), scale)
        finite = np.isfinite(r)
        every = bool(finite.all())
        if not every:
            r, v = np.where(finite, r, 0.0), np.where(finite, v, 0.0)
        with np.errstate(over="ignore"):
            errors = np.minimum((v - r) ** 2, _ERROR_MOST)
        if not centres:
            centres = [_middle(r, finite, axis) for axis in axes]
        for place, (axis, rest) in enumerate(zip(axes, others, strict=True)):
            near = r - along(centres[place], axis, r.ndim)
            if not every:
                near = np.where(finite, near, 0.0)
            first = near.sum(axis=rest)
            count = finite.sum(axis=rest, dtype=np.float64)
            second = np.square(near, out=near).sum(axis=rest)
            parts[place].append([errors.sum(axis=rest), first, second, count])
    found: list[Sums] = []
    for centre, of_axis in zip(centres, parts, strict=True):
        errors, first, second, count = (np.concatenate(p) for p in zip(*of_axis, strict=True))
        off = first.sum(axis=0) / np.maximum(count.sum(axis=0), 1)
        spreads = np.maximum(second - 2 * off * first + count * off**2, 0.0)
        squares = second + 2 * centre * first + count * centre**2
        found.append(Sums(errors, spreads, squares, count, unit if len(axes) == 1 else off * 0 + 1))
    return found


def along(of_slices: Array, axis: int, axes: int) -> Array:
    """[slices] in the shape of an array of so many axes."""
    return of_slices.reshape([-1 if a == axis else 1 for a in range(axes)])


def _middle(r: Floats, finite: Array, axis: int) -> Floats:
    rest = tuple(a for a in range(r.ndim) if a != axis)
    middle: Floats = r.sum(axis=rest) / np.maximum(finite.sum(axis=rest), 1)
    return middle


def denominators(sums: Sums) -> Floats:
    """[samples, slices]: what errors are divided by, see `noise`."""
    total, magnitude = sums.spreads.sum(axis=0), sums.squares.sum(axis=0)
    zero = magnitude == 0
    constant = total <= _CONSTANT**2 * magnitude
    if constant.all():
        return np.zeros_like(sums.spreads)
    parts = np.where(constant, sums.squares, sums.spreads)
    own = sums.units / sums.units[zero].min(initial=np.inf)  # those of zeros are alike
    with np.errstate(over="ignore"):
        least = (total * own**2)[~constant].min() / len(sums.spreads)
    found: Floats = np.where(zero, least, parts)
    return found


def vectors(model: Array, variant: Array) -> Figure:
    """The noise of unit vectors [samples, ..., channels], all channels together."""
    total, count = by_blocks(_directions, model)
    mean = total.sum(axis=0) / count.sum()

    def parts(model: Array, variant: Array) -> tuple[Array, ...]:
        r, v = _unit(model), _unit(variant)
        return tuple(
            (of**2).sum(axis=(1, 2))[:, None] for of in (v - r, r - mean, r)
        )  # fmt: skip

    errors, spreads, squares = by_blocks(parts, model, variant)
    if spreads.sum() <= _CONSTANT**2 * squares.sum():
        spreads = np.zeros_like(spreads)
    return Figure("noise of the vectors", errors, spreads, LIMITS["noise of the vectors"])


def _directions(model: Array) -> tuple[Array, ...]:
    """The sum of each sample's unit vectors, and how many they are."""
    unit = _unit(model)
    return unit.sum(axis=1), np.full(len(unit), unit.shape[1])


def _unit(array: Array) -> Floats:
    """Vectors that are not finite become zeros."""
    exactly = array.astype(np.float64)
    exactly = np.where(np.isfinite(exactly).all(axis=-1, keepdims=True), exactly, 0.0)
    exactly = exactly / common_unit(exactly)
    norms = np.linalg.norm(exactly, axis=-1, keepdims=True)
    unit: Floats = exactly / np.where(norms > 0, norms, 1.0)
    return unit
