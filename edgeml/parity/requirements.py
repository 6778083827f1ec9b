"""What must hold of an output, by its roles."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from edgeml.parity.axes import Pair, judged_axes, noise_along, other_axes, rounding_along
from edgeml.parity.blocks import flat
from edgeml.parity.boxes import boxes
from edgeml.parity.classes import classes
from edgeml.parity.course import course
from edgeml.parity.figures import Array, Figure, Floats, Requirement
from edgeml.parity.integers import integers
from edgeml.parity.limits import (
    LIMITS,
    OTHER_AXES,
    OTHER_AXES_OF_NUMBERS,
    SPREADS_OF_ONE_ERROR,
    Limit,
    Name,
    noise_limit,
)
from edgeml.parity.noise import noise, spread, vectors
from edgeml.parity.overlap import dense, mask
from edgeml.parity.peaks import heatmap
from edgeml.parity.roles import Kind, Role, channel_axis, channels
from edgeml.parity.scores import chances, scores
from edgeml.parity.units import within

_NUMBERS: tuple[Kind, ...] = ("regression", "image", "signal", "state", "unknown")
_MAP_AXES = 4  # samples, classes, height, width


def requirements(
    role: Role, model: Array, variant: Array, sure: Array | None = None
) -> list[Requirement]:
    """All must hold for the role's channels; model, variant: one output, the sample first.

    Both must be of one shape, and finite wherever the model's is; see `fault`. sure: [samples,
    boxes], which boxes count; None for all. Raises ValueError where the shape cannot have the role,
    and for one error of channels in different units.
    """
    _check_size(model)
    if role.kind == "integers" or model.dtype.kind in "iub":
        return integers(role, model, variant)
    r, v = (_channels_last(role, array) for array in (model, variant))
    if role.kind not in _NUMBERS:
        r, v = within(r, v)
    match role.kind:
        case "logits" | "probabilities":
            if r.shape[-1] < 2:
                raise ValueError(f"one of {r.shape[-1]} classes is no choice")
            logits = role.kind == "logits"
            choice = dense if model.ndim >= _MAP_AXES else classes
            return choice(r, v, logits=logits) + course(r, v, chances=not logits)
        case "scores" | "score-logits":
            return scores(r, v, role.threshold, logits=role.kind == "score-logits")
        case "mask" | "mask-logits":
            logits = role.kind == "mask-logits"
            inside = mask(r, v, role.threshold, chances(logits))
            return inside + course(r, v, chances=not logits)
        case "heatmap":
            if model.ndim != _MAP_AXES:
                raise ValueError(f"heat maps have four axes and not {model.ndim}")
            return heatmap(r, v) + course(r, v, chances=False)
        case "boxes":
            if r.shape[-1] != 4:
                raise ValueError(f"a box is four numbers and not {r.shape[-1]}")
            return boxes(r, v, role.corners, sure)
        case "embedding":
            return [(vectors(r, v),)]
        case "regression" | "image" | "signal" | "state":
            limit = _by_error(role, r)
            return [(_noise("noise", role, (model, variant), limit, OTHER_AXES_OF_NUMBERS),)]
        case _:
            name: Name = "noise of an unknown output"
            return [(_noise(name, role, (model, variant), LIMITS[name], OTHER_AXES),)]


def rounding(
    model: Array,
    variant: Array,
    axis: int | None = None,
    asked_again: Pair | None = None,
    kind: Kind = "unknown",
) -> Requirement:
    """What must hold besides of a file in float32; axis: of the channels, as of the output's roles.

    asked_again, kind: see `edgeml.parity.axes.rounding_along`.

    Of three axes or more without one it must hold along each. Raises ValueError for no values.
    """
    _check_size(model)
    if model.ndim == 1:
        model, variant = model[:, None], variant[:, None]
        if asked_again is not None:
            asked_again = asked_again[0][:, None], asked_again[1][:, None]
    first = channel_axis(Role(axis=axis), model.shape)
    assert first is not None
    others = other_axes(first, model.shape) if axis is None else ()
    return (rounding_along(model, variant, (first, *others), asked_again, kind),)


def _check_size(model: Array) -> None:
    if not model.size:
        raise ValueError(f"shape {list(model.shape)} holds no values")


def fault(model: Array, variant: Array) -> str | None:
    """Why the two cannot be compared, in words that follow "it gives"."""
    if model.shape != variant.shape:
        return f"shape {list(variant.shape)} where the model gives {list(model.shape)}"
    if model.dtype.kind not in "fiub" or variant.dtype.kind not in "fiub":
        return f"{variant.dtype.name}, which cannot be compared"
    if model.dtype.kind == "f":
        others = ~np.isfinite(model)
        if not (np.isfinite(variant) | others).all():
            return "NaN or infinity where the model gives numbers"
        if others.any() and not np.array_equal(variant[others], model[others], equal_nan=True):
            return "other values where the model gives NaN or infinity"
    return None


def whole(roles: Sequence[Role], shape: tuple[int, ...]) -> tuple[Role, ...]:
    """The roles, and unknown ones for the channels between them; by their first channel."""
    if not roles:
        return (Role(),)
    axis = channel_axis(roles[0], shape)
    if axis is None:
        return tuple(roles)
    ends = [(role.start, shape[axis] if role.stop is None else role.stop) for role in roles]
    taken = sorted([(0, 0), *ends, (shape[axis], shape[axis])])
    gaps = [Role(axis=axis, start=a[1], stop=b[0]) for a, b in pairwise(taken) if a[1] < b[0]]
    return tuple(sorted([*roles, *gaps], key=lambda role: role.start))


def arranged(role: Role, array: Array) -> Array:
    """[samples, ...] as [samples, positions, the role's channels].

    Raises ValueError for an axis or channels that the array has not.
    """
    return flat(_channels_last(role, array))


def _channels_last(role: Role, array: Array) -> Array:
    """A view [samples, ..., the role's channels]; one channel where there is no axis of them.

    Raises ValueError where not all of them are there.
    """
    axis = channel_axis(role, array.shape)
    last = array.reshape(len(array), 1) if axis is None else np.moveaxis(array, axis, -1)
    return last[..., channels(role, array.shape)]


def _noise(
    name: Name,
    role: Role,
    pair: tuple[Array, Array],
    limit: Limit | tuple[Limit, ...],
    other: Limit,
) -> Figure:
    """Along every axis where nobody says which is of the channels, else along that one.

    pair: model and variant. limit: of the channels; other: of the slices along the other axes.
    """
    model, variant = pair
    axes = judged_axes([role], model.shape)
    if len(axes) < 2:
        r, v = (_channels_last(role, array) for array in pair)
        return noise(name, r, v, limit)
    first, *others = (model.shape[axis] for axis in axes)
    limits = [limit] * first if isinstance(limit, Limit) else [*limit]
    return noise_along(name, model, variant, axes, [*limits, *[other] * sum(others)])


def _by_error(role: Role, model: Array) -> Limit | tuple[Limit, ...]:
    """The limit of each channel, by the model's own error where it is known.

    Raises ValueError for one error of channels whose spreads are too far apart for one unit.
    """
    if role.error is None:
        return LIMITS["noise"]
    spreads = spread(model)
    if not isinstance(role.error, tuple):
        _check_spreads(role, spreads)
    # 1.25: the RMS of a mean absolute error, if errors are normal.
    rms = 1.25 * np.broadcast_to(np.array(role.error, np.float64), spreads.shape)  # NaN for None
    return tuple(
        noise_limit(float(e / s) if s > 0 and e >= 0 else None)
        for e, s in zip(rms, spreads, strict=True)
    )


def check_one_unit(role: Role, model: Array) -> None:
    """Raises ValueError where the role has one error for channels whose spreads are too far apart
    for one unit; model: [samples, ...]."""
    if role.error is not None and not isinstance(role.error, tuple):
        _check_spreads(role, spread(_channels_last(role, model)))


def _check_spreads(role: Role, spreads: Floats) -> None:
    varying = np.flatnonzero(spreads > 0)
    if not len(varying):
        return
    least, most = (varying[of(spreads[varying])] for of in (np.argmin, np.argmax))
    if spreads[most] > SPREADS_OF_ONE_ERROR * spreads[least]:
        raise ValueError(
            f"one error of {role.error:g} is for channels of one unit, but channel "
            f"{role.start + least} spreads by {spreads[least]:.3g} and channel {role.start + most} "
            f"by {spreads[most]:.3g}; give each range of channels its own error, as in "
            f"channels={role.start + least},error=..."
        )
