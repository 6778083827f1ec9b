"""What a device judges a model by: each channel beside what the proven engine gave there.

The few samples that are shipped have no spread of their own, so the spread of each channel over the
proof rows travels with them, and the noise that is expected of each variant on each engine. A
channel whose noise is beyond a multiple of it is dead, swapped, or not what was proven. What counts
as a channel is in slices.py; figures and reasons: docs/decisions/0008-what-a-device-checks.md.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgeml.parity.blocks import chunks
from edgeml.parity.figures import Array, Floats
from edgeml.parity.integers import most_frequent
from edgeml.parity.noise import along, denominators, exact, sums_along
from edgeml.parity.requirements import fault
from edgeml.parity.roles import Role
from edgeml.parity.slices import Slices, slices

MULTIPLE = 10.0
"""Of the noise that is expected: 10 dB."""
NOISE_LEAST = 1e-9
"""Expected of the best engine: rounding in float32 on another processor gives up to 1e-10."""
NOISE_LEAST_FP16 = 1e-5
"""At fp16: sums in half precision give up to 30 times the noise of sums in single precision."""
UNEQUAL_LEAST = 0.001
_NOISE_DEAD = 1.0  # the limit is at most half of a dead channel's, or twice what is expected
_STANDARD_ERRORS = 2
_ROUNDING = 8 * 2.0**-24  # of a value's own magnitude: eight roundings to float32
_TINY = float(np.finfo(np.float64).tiny)
_EXPECTED_MOST = float(np.finfo(np.float16).max)

Noise = npt.NDArray[np.float16]
"""The noise expected of each slice as the root of its mean square, in spreads of the slice:
[2, slices], of the first sample alone and of all that are shipped."""


def spreads(roles: Sequence[Role], model: Array) -> Floats:
    """[slices], above 0: the root mean square distance of each from its mean, in its own unit.

    model: the answers to the proof rows. A channel that is constant has its magnitude for a spread,
    one that is zero the least of the others, see `edgeml.parity.noise`; 1 where all are zero. Where
    each channel is a single value, which may be near 0 by chance, all have the magnitude of all.
    Of integers: 1 of all together; else the root of the share of what is not the most frequent
    value, or of what has the value, so that the noise of what is dead is 1.
    """
    looked = slices(roles, model)
    if looked.integers:
        return _integer_spreads(looked, model)
    shaped, axes = (model, looked.axes) if looked.axes else (model.reshape(len(model), 1), (1,))
    return np.concatenate([_float_spreads(shaped, axis) for axis in axes])


def _float_spreads(model: Array, axis: int) -> Floats:
    positions = model[0].size // model.shape[axis]
    (sums,) = sums_along(model, model, exact, (axis,))
    squares = denominators(sums).mean(axis=0) / positions
    if not squares.any():  # every channel is constant
        squares = sums.squares.mean(axis=0) / positions
        if len(model) * positions == 1:
            squares = np.full(len(squares), squares.mean())
    found: Floats = np.sqrt(squares) * sums.units
    least = found[found > 0].min(initial=np.inf)
    return np.where(found > 0, found, least if np.isfinite(least) else 1.0)


def _integer_spreads(looked: Slices, model: Array) -> Floats:
    shares = [np.ones(1)]
    for axis in looked.axes:
        rest = tuple(a for a in range(model.ndim) if a != axis)
        shares.append((model != usual(model, axis)).mean(axis=rest))
    values = model.astype(np.int64).ravel() % looked.values
    shares.append(np.bincount(values, minlength=looked.values) / model.size)
    found = np.sqrt(np.concatenate(shares))
    return np.where(found > 0, found, 1.0)


def usual(model: Array, axis: int) -> Array:
    """The most frequent value of each slice of integers along an axis, in the shape of an array."""
    last = np.moveaxis(model, axis, -1).reshape(len(model), -1, model.shape[axis])
    return along(most_frequent(last), axis, model.ndim)


def noises(roles: Sequence[Role], spread: Floats, model: Array, found: Array) -> Floats:
    """[samples, slices]: the mean squared error over positions, in shares of the squared spread; of
    integers the share of unequal values, in the same shares.

    Both arrays are of one shape. Where the model's answer is not finite it does not count.
    """
    looked = slices(roles, model, len(spread))
    errors = np.empty((len(model), len(spread)))
    for rows in chunks(model):
        r, v = model[rows], found[rows]
        with np.errstate(over="ignore", invalid="ignore"):
            if looked.integers:
                off = exact(r != v)
            else:
                off = np.where(np.isfinite(r), exact(v) - exact(r), 0.0)
            errors[rows] = looked.means(off, r, spread)
    return errors


def expected_noise(
    roles: Sequence[Role],
    spread: Floats,
    model: Array,
    found: Array,
    rows: npt.NDArray[np.intp],
    least: float = NOISE_LEAST,
) -> Noise:
    """What to expect of the engine that gave `found`, its answers to the proof rows.

    The largest of what it gave on the samples that are shipped, which are `rows` of the proof; of
    the mean of as many rows of the proof, with two standard errors of it, since those that are
    shipped may be met exactly by luck; and of `least`, or a few roundings of the channel's
    magnitude to float32. Integers all together have no standard error, but see `limits`.
    """
    errors = np.minimum(noises(roles, spread, model, found), _EXPECTED_MOST**2)
    shown = np.stack([errors[rows[0]], errors[rows].mean(axis=0)])
    counts = np.array([[1], [len(rows)]])
    doubt = _STANDARD_ERRORS * errors.std(axis=0) / np.sqrt(counts)
    looked = slices(roles, model, len(spread))
    if looked.integers:
        doubt[:, 0] = 0.0
        floor = np.full(len(spread), UNEQUAL_LEAST)
    else:
        floor = np.maximum(least, _ROUNDING**2 * _magnitudes(looked, model, spread))
    expected = np.maximum(shown, np.maximum(errors.mean(axis=0) + doubt, floor))
    found16: Noise = np.minimum(np.sqrt(expected), _EXPECTED_MOST).astype(np.float16)
    return found16


def _magnitudes(looked: Slices, model: Array, spread: Floats) -> Floats:
    """[slices]: the mean square of all that is finite, in shares of the squared spread."""
    total = np.zeros(len(spread))
    for rows in chunks(model):
        r = exact(model[rows])
        with np.errstate(over="ignore"):
            some = looked.means(np.where(np.isfinite(r), r, 0.0), r, spread)
        total += some.sum(axis=0)
    return total / len(model)


def limits(expected: Noise, values: Floats | int | None = None) -> Floats:
    """[slices]: the most noise that is taken for the proven model's, by all samples shipped.

    values: how many integers there are, of which one more may always differ, in shares of the
    squared spread; None of floats.
    """
    shares = expected[-1].astype(np.float64) ** 2
    limit: Floats = np.minimum(MULTIPLE * shares, np.maximum(_NOISE_DEAD / 2, 2 * shares))
    return limit if values is None else limit + 1 / np.asarray(values)


def limits_of(roles: Sequence[Role], spread: Floats, expected: Noise, model: Array) -> Floats:
    """As `limits`; model: the answers to the samples that are shipped."""
    looked = slices(roles, model, len(spread))
    return limits(expected, looked.sizes(model.shape) * spread**2 if looked.integers else None)


def refused(
    roles: Sequence[Role], spread: Floats, expected: Noise, model: Array, found: Array
) -> str | None:
    """Why `found` is not what the proven model answers, in words that follow the output's name.

    model, found: the answers to the samples that are shipped; expected: of these.
    """
    wrong = fault(model, found)
    if wrong is not None:
        return f"comes as {wrong}"
    wrong = misfit(roles, spread, model)
    if wrong is not None:
        return wrong
    errors = noises(roles, spread, model, found).mean(axis=0)
    limit = limits_of(roles, spread, expected, model)
    errors = np.where(np.isnan(errors), np.inf, errors)
    beyond = np.where(errors > limit, errors / np.maximum(limit, _TINY), 0.0)
    worst = int(beyond.argmax())
    if not beyond[worst]:
        return None
    looked = slices(roles, model, len(spread))
    name = looked.names(model.shape)[worst]
    if not looked.integers:
        return (
            f"has channel {name} at {decibels(errors[worst]):.1f} dB where "
            f"{decibels(limit[worst]):.1f} dB is the least"
        )
    if not worst:
        return f"differs in {errors[0]:.1%} of its values where {limit[0]:.1%} may differ"
    where = name if name.startswith("value") else f"channel {name}"
    return (
        f"differs in {where} by {errors[worst]:.0%} of what it varies by where {limit[worst]:.0%} "
        "may differ"
    )


def misfit(roles: Sequence[Role], spread: Floats, model: Array) -> str | None:
    """Why `spread` cannot be of the channels of `model`, in words that follow the output's name."""
    try:
        count = slices(roles, model, len(spread)).count(model.shape)
    except ValueError as error:
        return f"has roles that it cannot have: {error}"
    if count != len(spread):
        return f"has {count} channels, but a spread of {len(spread)}"
    return None


def decibels(noise: float) -> float:
    """Of noise in shares of the squared spread; infinite where there is none."""
    with np.errstate(divide="ignore"):
        return float(-10 * np.log10(noise)) + 0.0
