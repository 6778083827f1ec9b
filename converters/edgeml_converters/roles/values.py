"""What values look like, where nobody says what they are."""

from collections.abc import Callable
from functools import partial

import numpy as np

from edgeml.parity.blocks import chunks
from edgeml.parity.roles import Role, channel_axis
from edgeml_converters.formats.tensors import Array

_ROUNDING = 1e-4  # of sums of float32


def value_role(values: Array) -> tuple[Role, ...]:
    """Sums of 1 along an axis are probabilities, lengths of 1 along the last a unit vector.

    values: the model's answers, the sample first. Empty for all else: logits, boxes, heat maps and
    numbers look alike, and numbers from 0 to 1 may be scores or a signal.
    """
    if values.dtype.kind != "f" or values.ndim < 2 or not values.size:
        return ()
    axis = channel_axis(Role(), values.shape)
    for place in dict.fromkeys((axis, values.ndim - 1, 1)):
        assert place is not None
        if values.shape[place] >= 2 and _all(values, partial(_chances, axis=place)):
            return (Role(kind="probabilities", axis=place, source="values"),)
    if values.shape[-1] > 2 and _all(values, lambda few: _near_1(np.linalg.norm(few, axis=-1))):
        return (Role(kind="embedding", axis=values.ndim - 1, source="values"),)
    return ()


def _all(values: Array, are: Callable[[Array], bool]) -> bool:
    """A few samples at a time, as float64, until some are not."""
    return all(are(values[rows].astype(np.float64)) for rows in chunks(values))


def _chances(few: Array, axis: int) -> bool:
    return bool(few.min() >= 0) and _near_1(few.sum(axis=axis))


def _near_1(figures: Array) -> bool:
    """Of what is not finite no figure is."""
    return bool((np.abs(figures - 1) <= _ROUNDING).all())
