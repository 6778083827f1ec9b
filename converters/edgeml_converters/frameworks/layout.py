"""Where the channels of images stand: the model in the contract's layout, whatever its own is.

PyTorch's own layout is nchw, TensorFlow's nhwc. In the other one the model is the same model with
transposes around it, so that every route, the reference answers and parity see one model. An image
is a tensor of four axes.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from edgeml.contract import Layout
from edgeml.errors import InputError
from edgeml_converters.formats.tensors import Arrays, ModelInput
from edgeml_converters.frameworks.base import Model

Size = TypeVar("Size")
OWN: dict[str, Layout] = {"torch": "nchw", "tensorflow": "nhwc"}
# axes[i] is where the i-th axis of the result comes from, as in numpy's transpose.
TO_NHWC = (0, 2, 3, 1)
TO_NCHW = (0, 3, 1, 2)


def in_layout(model: Model, layout: Layout) -> Model:
    """`model` with its images in `layout`.

    Raises InputError for a file that is converted already, whose own layout nobody knows, and for
    TorchScript, which no exporter takes as a part of another model.
    """
    own = OWN.get(model.framework)
    if own is None:
        raise InputError(
            f"--layout {layout} needs a model of PyTorch or TensorFlow, but this is a file in "
            f"{model.framework}, which is shipped as it is; leave --layout out."
        )
    if layout == own:
        return model
    if model.form == "script":
        raise InputError(
            f"--layout {layout} needs a module or an exported program, but this is TorchScript; "
            "save the model with torch.export.save, or name the callable that builds it."
        )
    inward, outward = (TO_NCHW, TO_NHWC) if own == "nchw" else (TO_NHWC, TO_NCHW)
    if model.framework == "torch":
        from edgeml_converters.frameworks import torch_layout

        moved = torch_layout.wrap(model, inward, outward)
    else:
        from edgeml_converters.frameworks import tensorflow_layout

        moved = tensorflow_layout.wrap(model, inward, outward)
    moved.samples = model.samples and moved_arrays(model.samples, outward)
    return moved


def moved_inputs(inputs: Sequence[ModelInput], axes: tuple[int, ...]) -> tuple[ModelInput, ...]:
    """The inputs with the declared shapes of images transposed."""
    return tuple(
        ModelInput(
            name=i.name,
            dtype=i.dtype,
            shape=moved_shape(i.shape, axes) if i.shape else i.shape,
            required=i.required,
        )
        for i in inputs
    )


def moved_shape(shape: tuple[Size, ...], axes: tuple[int, ...]) -> tuple[Size, ...]:
    return tuple(shape[axis] for axis in axes) if len(shape) == 4 else shape


def moved_arrays(arrays: Arrays, axes: tuple[int, ...]) -> Arrays:
    return {
        name: np.ascontiguousarray(array.transpose(axes)) if array.ndim == 4 else array
        for name, array in arrays.items()
    }
