"""How weights become int8: symmetric, by the largest magnitude of a channel or of all."""

import numpy as np

from edgeml_converters.formats.tensors import Array

INT8_MAX = 127
"""-128 is left out, so that zero is in the middle and the scale symmetric."""


def round_weight(weight: Array, axis: int | None) -> tuple[Array, Array]:
    """int8 values and their scale: weight = values * scale.

    axis: of the channels, whose scales are an array of the weight's rank; None: one scale, without
    axes.
    """
    others = None if axis is None else tuple(i for i in range(weight.ndim) if i != axis)
    largest = np.abs(weight).max(axis=others, keepdims=axis is not None)
    scale = np.where(largest > 0, largest / INT8_MAX, 1).astype(np.float32)
    return np.clip(np.round(weight / scale), -INT8_MAX, INT8_MAX).astype(np.int8), scale
