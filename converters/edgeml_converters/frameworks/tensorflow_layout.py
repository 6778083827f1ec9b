"""A TensorFlow model whose images are transposed on the way in and out."""

from typing import Any

import tensorflow as tf

from edgeml_converters.frameworks.axes import transposed_inputs
from edgeml_converters.frameworks.base import Model
from edgeml_converters.frameworks.tensorflow_model import TensorflowModel, Tensors


def wrap(model: Model, inward: tuple[int, ...], outward: tuple[int, ...]) -> Model:
    assert isinstance(model, TensorflowModel)

    def call(arrays: Tensors) -> dict[str, Any]:
        outputs = model.call({name: _transposed(value, inward) for name, value in arrays.items()})
        return {name: _transposed(value, outward) for name, value in outputs.items()}

    # As a SavedModel: other routes take the owner itself, without the transposes.
    inputs = transposed_inputs(model.inputs, outward)
    return TensorflowModel("saved-model", model.owner, call, inputs, model.kept)


def _transposed(tensor: Any, axes: tuple[int, ...]) -> Any:
    return tf.transpose(tensor, axes) if tensor.shape.rank == 4 else tensor
