"""What a device judges a model by: each channel beside what the proven engine gave there.

The few samples that are shipped have no spread of their own, so the spread of each channel over the
proof rows travels with them, and the noise that is expected of each variant on each engine. A
channel whose noise is beyond a multiple of it is dead, swapped, or not what was proven. Figures and
reasons: docs/decisions/0008-what-a-device-checks.md.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgeml.parity.blocks import chunks
from edgeml.parity.figures import Array, Floats
from edgeml.parity.limits import LIMITS
from edgeml.parity.noise import exact, noise
from edgeml.parity.requirements import arranged, fault
from edgeml.parity.roles import Role, channel_axis

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
"""The noise expected of each channel as the root of its mean square, in spreads of the channel:
[2, channels], of the first sample alone and of all that are shipped."""


def channels(roles: Sequence[Role], array: Array) -> Array:
    """[samples, ...] as [samples, positions, channels], on the axis that the roles share.

    All integers are one channel, since of a class there is no more or less.
    """
    if array.dtype.kind in "iub":
        return array.reshape(len(array), -1, 1)
    return arranged(Role(axis=axis_of(roles, array.shape)), array)


def axis_of(roles: Sequence[Role], shape: tuple[int, ...]) -> int | None:
    """The axis of channels that all roles of an output share; None where it has none."""
    return channel_axis(roles[0] if roles else Role(), shape)


def spreads(roles: Sequence[Role], model: Array) -> Floats:
    """[channels], above 0: the root mean square distance of each from its mean, in its own unit.

    model: the answers to the proof rows. A channel that is constant has its magnitude for a spread,
    one that is zero the least of the others, see `edgeml.parity.noise`; 1 where all are zero, and
    for integers. Where each channel is a single value, which may be near 0 by chance, all have the
    magnitude of all.
    """
    if model.dtype.kind in "iub":
        return np.ones(1)
    parts = channels(roles, model)
    positions = parts.shape[1]
    squares = noise("noise", parts, parts, LIMITS["noise"]).denominators.mean(axis=0) / positions
    if not squares.any():  # every channel is constant
        squares = _mean_squares(parts)
        if len(parts) * positions == 1:
            squares = np.full(len(squares), squares.mean())
    found: Floats = np.sqrt(squares)
    least = found[found > 0].min(initial=np.inf)
    return np.where(found > 0, found, least if np.isfinite(least) else 1.0)


def noises(roles: Sequence[Role], spread: Floats, model: Array, found: Array) -> Floats:
    """[samples, channels]: the mean squared error over positions, in shares of the squared spread;
    of integers the share of unequal values.

    Both arrays are of one shape. Where the model's answer is not finite it does not count.
    """
    errors = np.empty((len(model), len(spread)))
    for rows in chunks(model):
        r, v = (channels(roles, array[rows]) for array in (model, found))
        if model.dtype.kind in "iub":
            errors[rows] = (r != v).mean(axis=1)
            continue
        r, v = exact(r), exact(v)
        with np.errstate(over="ignore", invalid="ignore"):
            off = np.where(np.isfinite(r), v - r, 0.0) / spread
            errors[rows] = (off**2).mean(axis=1)
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
    magnitude to float32. Integers have no standard error here, but see `limits`.
    """
    errors = noises(roles, spread, model, found)
    shown = np.stack([errors[rows[0]], errors[rows].mean(axis=0)])
    mean = errors.mean(axis=0)
    if model.dtype.kind in "iub":
        expected = np.maximum(shown, np.maximum(mean, UNEQUAL_LEAST))
    else:
        counts = np.array([[1], [len(rows)]])
        mean = mean + _STANDARD_ERRORS * errors.std(axis=0) / np.sqrt(counts)
        magnitude = np.sqrt(_mean_squares(channels(roles, model)))
        floor = np.maximum(least, (_ROUNDING * magnitude / spread) ** 2)
        expected = np.maximum(shown, np.maximum(mean, floor))
    found16: Noise = np.minimum(np.sqrt(expected), _EXPECTED_MOST).astype(np.float16)
    return found16


def limits(expected: Noise, values: int | None = None) -> Floats:
    """[channels]: the most noise that is taken for the proven model's, by all samples shipped.

    values: how many integers there are, of which one more may always differ; None of floats.
    """
    shares = expected[-1].astype(np.float64) ** 2
    limit: Floats = np.minimum(MULTIPLE * shares, np.maximum(_NOISE_DEAD / 2, 2 * shares))
    return limit if values is None else limit + 1 / values


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
    integers = model.dtype.kind in "iub"
    errors = noises(roles, spread, model, found).mean(axis=0)
    limit = limits(expected, model.size if integers else None)
    errors = np.where(np.isnan(errors), np.inf, errors)
    beyond = np.where(errors > limit, errors / np.maximum(limit, _TINY), 0.0)
    worst = int(beyond.argmax())
    if not beyond[worst]:
        return None
    if integers:
        return f"differs in {errors[worst]:.1%} of its values where {limit[worst]:.1%} may differ"
    return (
        f"has channel {worst} at {decibels(errors[worst]):.1f} dB where "
        f"{decibels(limit[worst]):.1f} dB is the least"
    )


def misfit(roles: Sequence[Role], spread: Floats, model: Array) -> str | None:
    """Why `spread` cannot be of the channels of `model`, in words that follow the output's name."""
    try:
        count = channels(roles, model).shape[2]
    except ValueError as error:
        return f"has roles that it cannot have: {error}"
    if count != len(spread):
        return f"has {count} channels, but a spread of {len(spread)}"
    return None


def decibels(noise: float) -> float:
    """Of noise in shares of the squared spread; infinite where there is none."""
    with np.errstate(divide="ignore"):
        return float(-10 * np.log10(noise)) + 0.0


def _mean_squares(parts: Array) -> Floats:
    """[channels]: of all that is finite."""
    total = np.zeros(parts.shape[2])
    for rows in chunks(parts):
        r = exact(parts[rows])
        total += (np.where(np.isfinite(r), r, 0.0) ** 2).sum(axis=(0, 1))
    mean: Floats = total / (parts.shape[0] * parts.shape[1])
    return mean
