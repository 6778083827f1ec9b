"""The boxes that count: where the model's best score is on."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgeml.parity.figures import Array
from edgeml.parity.requirements import arranged
from edgeml.parity.roles import Kind, Role, channel_axis
from edgeml_converters.formats.tensors import Arrays

SURE: tuple[Kind, ...] = ("scores", "score-logits")


def positions_of_boxes(role: Role, shape: tuple[int, ...]) -> int:
    """How many boxes each sample has, in an output of `shape`, the sample first."""
    axis = channel_axis(role, shape)
    return math.prod(size for a, size in enumerate(shape) if a not in (0, axis))


def sure_boxes(
    name: str, roles: Sequence[Role], others: Arrays, boxes: int
) -> npt.NDArray[np.bool_]:
    """[samples, boxes]: where the best score in output `name` is on.

    roles: of that output; what none calls scores is taken for scores. Raises ValueError where they
    are not one for each box, or where more than one axis could be that of the classes.
    """
    values = others[name]
    scores = [role for role in roles if role.kind in SURE] or [Role(kind="scores")]
    on = [_best(role, values, boxes) > _as_logit(role) for role in scores]
    sure: npt.NDArray[np.bool_] = np.any(on, axis=0)
    return sure


def _best(role: Role, values: Array, boxes: int) -> Array:
    """[samples, boxes]: the highest of each box' scores."""
    if math.prod(values.shape[1:]) == boxes and not role.start:
        return values.reshape(len(values), boxes)
    axes = range(1, values.ndim) if role.axis is None else (channel_axis(role, values.shape),)
    fitting = [axis for axis in axes if axis and values[:1].size == boxes * values.shape[axis]]
    if not fitting:
        where = "" if role.axis is None else f" beside axis {role.axis}"
        raise ValueError(
            f"of shape {list(values.shape)} there is not one for each{where}, the sample first"
        )
    if len(fitting) > 1:
        raise ValueError(
            f"of shape {list(values.shape)} there is one for each by axis "
            f"{' and by axis '.join(map(str, fitting))}"
        )
    by_axis = Role(axis=fitting[0], start=role.start, stop=role.stop)
    best: Array = arranged(by_axis, values).max(axis=-1)
    return best


def _as_logit(role: Role) -> float:
    if role.kind != "score-logits":
        return role.threshold
    return float(np.log(role.threshold / (1 - role.threshold)))
