"""Keras models that do not say what their inputs are, by the names that the data have for them."""

import inspect
from collections.abc import Sequence
from typing import Any

from edgeml.errors import InputError
from edgeml_converters.formats.tensors import ModelInput
from edgeml_converters.frameworks.base import name_outputs
from edgeml_converters.frameworks.keras_half import in_float32
from edgeml_converters.frameworks.nested import nest
from edgeml_converters.frameworks.tensorflow_model import TensorflowModel, Tensors

_NOT_INPUTS = ("training", "mask")  # which Keras gives by itself


def wrap(built: object, keys: Sequence[str]) -> TensorflowModel | None:
    """None for what is no Keras model, and for one that says what its inputs are."""
    import keras

    if not isinstance(built, keras.Model) or getattr(built, "inputs", None):
        return None  # a Sequential that is not built raises
    return from_subclassed(built, keys)


def from_subclassed(model: Any, keys: Sequence[str]) -> TensorflowModel:
    """A model whose call() takes one tensor, one dict or tuple of them, or several arguments.

    keys: the names of the inputs in the data. Raises InputError without any, and where call()
    takes none of these.
    """
    if not keys:
        raise InputError(
            "The Keras model does not say what its inputs are; give --data with an array for each, "
            "return (model, samples), build it with keras.Input, or save it as a SavedModel with "
            "model.export(FOLDER)."
        )
    parameters = [
        name
        for name, one in inspect.signature(model.call).parameters.items()
        if name not in _NOT_INPUTS and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
    ]
    heads = {key.partition(".")[0] for key in keys}
    if not parameters:
        raise InputError("call() of the Keras model has no named parameter; name its inputs.")
    by_name = heads <= set(parameters)
    first = parameters[0]
    if not by_name and len(parameters) > 1 and len(keys) > 1:
        raise InputError(
            f"call() of the Keras model takes {', '.join(parameters)}, but the data hold "
            f"{', '.join(keys)}; name the arrays after the parameters."
        )

    def call(arrays: Tensors) -> dict[str, Any]:
        given = nest(arrays)
        if not by_name:  # one tensor whatever its name, or all as a dict
            alone = next(iter(given.values())) if len(given) == 1 else given
            return name_outputs(model(alone, training=False))
        rest = {name: value for name, value in given.items() if name != first}
        return name_outputs(model(given[first], **rest, training=False))

    inputs = tuple(ModelInput(name=key) for key in keys)
    wrapped = TensorflowModel("saved-model", model, call, inputs, None)
    wrapped.floats = "float32"
    wrapped.assumed = in_float32(model)
    wrapped.variables = lambda: [variable.value for variable in model.variables]
    return wrapped
