"""Noise along every axis, where nobody says which one is of the channels."""

from collections.abc import Sequence

import numpy as np

from edgeml.parity.figures import Array, Figure, Floats
from edgeml.parity.limits import (
    CHANNELS_MOST,
    LIMITS,
    OWN_VARIATION_MOST,
    ROUNDING_OTHER_AXES,
    ROUNDING_ROOM,
    Limit,
    Name,
)
from edgeml.parity.noise import Sums, along, denominators, exact, sums_along
from edgeml.parity.roles import Kind, Role, channel_axis

Pair = tuple[Array, Array]
_OPEN: tuple[Kind, ...] = ("unknown", "regression", "signal", "state")
_ONE_UNIT: tuple[Kind, ...] = (
    "logits", "probabilities", "scores", "score-logits", "mask", "mask-logits", "heatmap", "image",
    "embedding",
)  # fmt: skip
_AXES_LEFT_OPEN = 3  # with samples: from so many on the channels may be on one axis or another
_ROUNDING = 2.0**-24  # of a value, to a float32
_MOST = 0.25  # a slice that is dead has more


def judged_axes(roles: Sequence[Role], shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes after the sample along which an output is judged, that of its channels first; empty
    for [samples].

    More than one where it has three axes or more and no role names one, nor says what its positions
    are: then any may be that of the channels, but for those that are too long for it.
    """
    role = roles[0] if roles else Role()
    axis = channel_axis(role, shape)
    if axis is None:
        return ()
    unsaid = role.axis is None and role.start == 0 and role.stop is None
    if not unsaid or role.kind not in _OPEN or len(shape) < _AXES_LEFT_OPEN:
        return (axis,)
    return (axis, *other_axes(axis, shape))


def other_axes(axis: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    """All after the sample that could be of channels as well."""
    return tuple(a for a in range(1, len(shape)) if a != axis and 1 < shape[a] <= CHANNELS_MOST)


def slice_names(axes: Sequence[int], shape: tuple[int, ...]) -> tuple[str, ...]:
    """Of the slices along each of `axes`, of which the first is that of the channels."""
    return tuple(
        f"{i}" if axis == axes[0] else f"{i} on axis {axis}"
        for axis in axes
        for i in range(shape[axis])
    )


def noise_along(
    name: Name,
    model: Array,
    variant: Array,
    axes: Sequence[int],
    limits: Sequence[Limit],
) -> Figure:
    """As `edgeml.parity.noise.noise`, of every slice along each of `axes`; both [samples, ...].

    limits: of each of these slices.
    """
    return _figure(name, sums_along(model, variant, exact, axes), limits, axes, model.shape)


def rounding_along(
    model: Array,
    variant: Array,
    axes: Sequence[int],
    asked_again: Pair | None = None,
    kind: Kind = "unknown",
) -> Figure:
    """The noise of every slice with the limits of a file in float32.

    asked_again: what the model itself answered twice to a few samples, where nothing but its own
    rounding differs. kind: of the output's role, by which its channels may be in one unit: then
    what float32 leaves of a quiet one comes of the loud ones.
    """
    found = sums_along(model, variant, exact, axes)
    least, wide = LIMITS["rounding"], ROUNDING_OTHER_AXES
    limits: list[Limit] = []
    for place, sums in enumerate(found):
        of_loudest = place > 0 or kind in _ONE_UNIT
        limit, own = (
            wide if place else least,
            (_loudest_rounding if of_loudest else _own_rounding)(sums),
        )
        most = ROUNDING_ROOM * own
        if asked_again is not None:
            varies = ROUNDING_ROOM * _variation(sums, asked_again, axes[place])
            most = np.maximum(most, np.minimum(varies, OWN_VARIATION_MOST))
        limits += [
            limit if one <= limit.same else limit._replace(same=one, differs=one)
            for one in most.tolist()
        ]
    return _figure("rounding", found, limits, axes, model.shape)


def _figure(
    name: Name,
    found: Sequence[Sums],
    limits: Sequence[Limit],
    axes: Sequence[int],
    shape: tuple[int, ...],
) -> Figure:
    names = slice_names(axes, shape)
    return Figure(
        name,
        np.concatenate([sums.errors for sums in found], axis=1),
        np.concatenate([denominators(sums) for sums in found], axis=1),
        tuple(limits),
        columns=names if len(names) > 1 else (),
    )


def _variation(sums: Sums, asked_again: Pair, axis: int) -> Floats:
    """The noise of each slice of the second answer to the first, in shares of the spread over all
    samples."""
    with np.errstate(over="ignore", invalid="ignore"):
        first, again = (
            exact(of) / along(sums.units, axis, of.ndim) for of in asked_again
        )  # fmt: skip
        off = np.where(np.isfinite(first) & np.isfinite(again), again - first, 0.0)
        rest = tuple(a for a in range(first.ndim) if a != axis)
        errors = (off**2).sum(axis=rest) / len(first)
    parts = denominators(sums).mean(axis=0)
    noise: Floats = errors / np.where(parts > 0, parts, 1.0)
    return noise


def _own_rounding(sums: Sums) -> Floats:
    """The noise of each slice if every answer is off by the rounding of a float32, 2^-24 of itself;
    of 140 m that vary by 10 mm it is 62 dB."""
    parts = denominators(sums).sum(axis=0)
    noise: Floats = _ROUNDING**2 * sums.squares.sum(axis=0) / np.where(parts > 0, parts, 1.0)
    return noise


def _loudest_rounding(sums: Sums) -> Floats:
    """The same if every answer is off by that of the loudest slice: what float32 leaves of a quiet
    one that comes of the others, as the rim of a map. Of one in which that is all there is, as
    where a mask is off everywhere, it is left as it is: there is nothing that could be dead."""
    parts, squares = denominators(sums).sum(axis=0), sums.squares.sum(axis=0)
    own = sums.units / sums.units.max(initial=0.0)
    with np.errstate(over="ignore"):
        loudest = (squares * own**2).max(initial=0.0) / np.maximum(own, 1e-150) ** 2
        noise: Floats = _ROUNDING**2 * loudest / np.where(parts > 0, parts, 1.0)
    return np.where(noise < 1.0, np.minimum(noise, _MOST / ROUNDING_ROOM), noise)
