"""Sample inputs that a callable returns beside its model: (model, samples)."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgeml.errors import InputError
from edgeml_converters.formats.tensors import Array, ModelInput, as_array
from edgeml_converters.frameworks.nested import flatten


def split(built: object) -> tuple[object, object]:
    """The model and the samples that came beside it, None where it came alone."""
    if isinstance(built, tuple) and len(built) == 2:
        return built[0], built[1]
    return built, None


def sample_keys(samples: object) -> tuple[str, ...]:
    """The names that samples have themselves; empty where they have none."""
    return tuple(flatten(samples)) if isinstance(samples, Mapping) else ()


def by_name(samples: object, inputs: Sequence[ModelInput], label: str) -> dict[str, Array]:
    """Arrays by the model's input names, from a dict by name or a tuple in the order of the call.

    Raises InputError when the number or the names are others than the model's.
    """
    names = [model_input.name for model_input in inputs]
    if isinstance(samples, Mapping):
        given = {str(name): value for name, value in samples.items()}
    else:
        values = list(samples) if isinstance(samples, list | tuple) else [samples]
        given = dict(zip(names, values, strict=False)) if len(values) <= len(names) else {}
    required = {model_input.name for model_input in inputs if model_input.required}
    if not given or not required <= given.keys() <= set(names):
        raise InputError(
            f"{label} returned samples for {', '.join(given) or 'other inputs'} where the model "
            f"takes {', '.join(names)}; return (model, samples) with a dict by these names or a "
            "tuple in this order."
        )
    return {name: _array(name, value, label) for name, value in given.items()}


def _array(name: str, value: Any, label: str) -> Array:
    array = as_array(value)
    if array.dtype.kind not in "fiub":
        raise InputError(
            f"{label} returned a {type(value).__name__} as sample of {name!r}; return an array or "
            "a tensor, first axis the sample."
        )
    return array
