"""The axes of images: where the channels stand, and what is declared or given in another order."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from edgeml_converters.formats.tensors import Arrays, ModelInput

Size = TypeVar("Size")
# axes[i] is where the i-th axis of the result comes from, as in numpy's transpose.
TO_NHWC = (0, 2, 3, 1)
TO_NCHW = (0, 3, 1, 2)


def transposed_inputs(
    inputs: Sequence[ModelInput], axes: tuple[int, ...]
) -> tuple[ModelInput, ...]:
    """The inputs with the declared shapes of images transposed."""
    return tuple(
        ModelInput(
            name=i.name,
            dtype=i.dtype,
            shape=transposed_shape(i.shape, axes) if i.shape else i.shape,
            required=i.required,
        )
        for i in inputs
    )


def transposed_shape(shape: tuple[Size, ...], axes: tuple[int, ...]) -> tuple[Size, ...]:
    return tuple(shape[axis] for axis in axes) if len(shape) == 4 else shape


def transposed_arrays(arrays: Arrays, axes: tuple[int, ...]) -> Arrays:
    return {
        name: np.ascontiguousarray(array.transpose(axes)) if array.ndim == 4 else array
        for name, array in arrays.items()
    }
