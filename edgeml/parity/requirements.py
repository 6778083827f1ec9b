"""What must hold of an output, by its roles."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from edgeml.parity.boxes import boxes, heatmap
from edgeml.parity.classes import classes, dense
from edgeml.parity.figures import Array, Figure, Requirement
from edgeml.parity.limits import LIMITS, Limit, noise_limit
from edgeml.parity.noise import noise, spread, vectors
from edgeml.parity.roles import Role, channel_axis
from edgeml.parity.scores import mask, scores

_MAP_AXES = 4  # samples, classes, height, width


def requirements(
    role: Role, model: Array, variant: Array, sure: Array | None = None
) -> list[Requirement]:
    """All must hold for the role's channels; model, variant: one output, the sample first.

    Both must be of one shape, and finite wherever the model's is; see `fault`. sure: [samples,
    boxes], which boxes count; None for all. Raises ValueError where the shape cannot have the role.
    """
    if not model.size:
        raise ValueError(f"shape {list(model.shape)} holds no values")
    if role.kind == "integers" or model.dtype.kind in "iub":
        return [(_unequal(model, variant),)]
    if role.kind == "heatmap":
        return heatmap(_maps(role, model), _maps(role, variant))
    r, v = arranged(role, model), arranged(role, variant)
    match role.kind:
        case "logits" | "probabilities":
            if r.shape[-1] < 2:
                raise ValueError(f"one of {r.shape[-1]} classes is no choice")
            if model.ndim >= _MAP_AXES:
                return dense(r, v)
            return classes(r, v, logits=role.kind == "logits")
        case "scores" | "score-logits":
            return scores(r, v, role.threshold, logits=role.kind == "score-logits")
        case "mask" | "mask-logits":
            return mask(r, v, role.threshold, logits=role.kind == "mask-logits")
        case "boxes":
            if r.shape[-1] != 4:
                raise ValueError(f"a box is four numbers and not {r.shape[-1]}")
            counts = np.ones(r.shape[:2], np.bool_) if sure is None else sure
            return boxes(r, v, role.corners, counts)
        case "embedding":
            return [(vectors(r, v),)]
        case "regression" | "image" | "signal" | "state":
            return [(noise("noise", r, v, _by_error(role, r)),)]
        case _:
            limit = LIMITS["noise of an unknown output"]
            return [(noise("noise of an unknown output", r, v, limit),)]


def rounding(model: Array, variant: Array, axis: int | None = None) -> Requirement:
    """What must hold besides of a file in float32; axis: of the channels, as of the output's
    roles."""
    r, v = (arranged(Role(axis=axis), array) for array in (model, variant))
    return (noise("rounding", r, v, LIMITS["rounding"]),)


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
    """[samples, ...] as [samples, positions, the role's channels]."""
    axis = channel_axis(role, array.shape)
    if axis is None:
        return array.reshape(len(array), 1, 1)
    last = _channels(role, array, axis)
    return last.reshape(len(array), -1, last.shape[-1])


def _maps(role: Role, array: Array) -> Array:
    if array.ndim != _MAP_AXES:
        raise ValueError(f"heat maps have four axes and not {array.ndim}")
    axis = channel_axis(role, array.shape)
    assert axis is not None
    return _channels(role, array, axis)


def _channels(role: Role, array: Array, axis: int) -> Array:
    """The role's channels, last. Raises ValueError where not all of them are there."""
    most = array.shape[axis]
    if role.start >= most or (role.stop is not None and role.stop > most):
        end = "" if role.stop is None else f"{role.stop}"
        raise ValueError(f"channels {role.start}:{end} of {most} on axis {axis}")
    return np.moveaxis(array, axis, -1)[..., role.start : role.stop]


def _unequal(model: Array, variant: Array) -> Figure:
    neither = (model != model) & (variant != variant)  # NaN in both
    share = ((model != variant) & ~neither).reshape(len(model), -1).mean(axis=1)[:, None]
    return Figure("unequal", share, np.ones(share.shape), LIMITS["unequal"])


def _by_error(role: Role, model: Array) -> Limit | tuple[Limit, ...]:
    """The limit of each channel, by the model's own error where it is known."""
    if role.error is None:
        return LIMITS["noise"]
    spreads = spread(model)
    # 1.25: the RMS of a mean absolute error, if errors are normal.
    rms = 1.25 * np.broadcast_to(np.asarray(role.error), spreads.shape)
    return tuple(
        noise_limit(float(e / s) if s > 0 else None) for e, s in zip(rms, spreads, strict=True)
    )
