"""What values look like, where nobody says what they are."""

import numpy as np

from edgeml.parity.roles import Role, channel_axis
from edgeml_converters.formats.tensors import Array

_ROUNDING = 1e-4  # of sums of float32


def value_role(values: Array) -> Role | None:
    """Sums of 1 along an axis are probabilities, lengths of 1 along the last a unit vector.

    values: the model's answers, the sample first. None for all else: logits, boxes, heat maps and
    numbers look alike, and numbers from 0 to 1 may be scores or a signal.
    """
    if values.dtype.kind != "f" or values.ndim < 2 or not np.isfinite(values).all():
        return None
    axis = channel_axis(Role(), values.shape)
    for place in dict.fromkeys((axis, values.ndim - 1, 1)):
        assert place is not None
        if values.shape[place] < 2:
            continue
        exact = values.astype(np.float64)
        if exact.min() >= 0 and _near_1(exact.sum(axis=place)):
            return Role(kind="probabilities", axis=place, source="values")
    if values.shape[-1] > 2 and _near_1(np.linalg.norm(values.astype(np.float64), axis=-1)):
        return Role(kind="embedding", axis=values.ndim - 1, source="values")
    return None


def _near_1(figures: Array) -> bool:
    return bool((np.abs(figures - 1) <= _ROUNDING).all())
