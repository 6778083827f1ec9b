"""Functions of TensorFlow that are no SavedModel yet, and modules that hold one."""

from typing import Any

import tensorflow as tf

from edgeml.errors import InputError, said
from edgeml_converters.formats.tensors import ModelInput
from edgeml_converters.frameworks.base import name_outputs
from edgeml_converters.frameworks.tensorflow_model import TensorflowModel, Tensors, choose_signature

_Traced: Any = tf.types.experimental.ConcreteFunction
_Function: Any = tf.types.experimental.PolymorphicFunction


def wrap(built: object) -> TensorflowModel | None:
    """A tf.function with its input signature, one that is traced, or the only one of a tf.Module;
    None for anything else."""
    if isinstance(built, (_Traced, _Function)):
        return _from_function(built, built)
    if not isinstance(built, tf.Module) or getattr(built, "signatures", None):
        return None
    kind = type(built)
    names = [name for name in dir(kind) if isinstance(getattr(kind, name), _Function)]
    functions = {name: getattr(built, name) for name in names}
    return _from_function(functions[choose_signature(functions)], built) if functions else None


def _from_function(function: Any, kept: Any) -> TensorflowModel:
    """Raises InputError where it does not say what it takes, or its variables are gone."""
    try:
        traced = function if isinstance(function, _Traced) else function.get_concrete_function()
        variables = list(traced.variables)
    except AssertionError as error:
        raise InputError(
            "The function's variables are gone with the model that held them; keep it, as in a "
            "variable of its Python module, or return it."
        ) from error
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The tf.function cannot be traced without inputs ({said(error)}); give it an "
            "input_signature."
        ) from error
    given = traced.function_type.parameters
    specs = {name: one.type_constraint for name, one in given.items()}
    for name, spec in specs.items():
        if not isinstance(spec, tf.TensorSpec):
            raise InputError(
                f"The parameter {name!r} of the tf.function is no tensor; let it take tensors only."
            )

    def call(arrays: Tensors) -> dict[str, Any]:
        return name_outputs(traced(**arrays))

    inputs = tuple(
        ModelInput(name=name, dtype=spec.dtype.name, shape=tuple(spec.shape))
        for name, spec in specs.items()
    )
    return TensorflowModel("saved-model", kept, call, inputs, variables)
