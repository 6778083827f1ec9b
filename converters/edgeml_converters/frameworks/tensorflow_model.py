"""TensorFlow: Keras models and SavedModels behind one class."""

import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import tensorflow as tf

from edgeml.errors import InputError
from edgeml_converters.formats.tensors import Array, Arrays, ModelInput
from edgeml_converters.frameworks.base import Model, name_outputs
from edgeml_converters.frameworks.keras_half import in_float32
from edgeml_converters.frameworks.tensorflow_portable import portable
from edgeml_converters.frameworks.tensorflow_text import refuse_text

Tensors = Mapping[str, Any]


class TensorflowModel(Model):
    """owner: the Keras model or the loaded SavedModel; call: outputs by name for inputs by name.

    kept: what a SavedModel's root must hold so that the variables are saved with it. variables: of
    a model that has them after its first call, in place of `kept`.
    """

    framework = "tensorflow"
    variables: Callable[[], Any] | None = None

    def __init__(
        self,
        form: str,
        owner: Any,
        call: Callable[[Tensors], dict[str, Any]],
        inputs: tuple[ModelInput, ...],
        kept: Any,
    ) -> None:
        self.form = form
        self.owner = owner
        self.call = call
        self.inputs = inputs
        self.kept = kept
        refuse_text(owner, inputs)
        frozen = {i.shape[0] for i in inputs if i.shape} - {None}
        if frozen - {1}:
            raise InputError(
                f"The model is frozen to batch {max(s for s in frozen if s)}; save it with a free "
                "first axis or with batch 1."
            )
        self.batch = 1 if frozen else None

    def _predict(self, arrays: Arrays) -> dict[str, Array]:
        tensors = {name: tf.constant(array) for name, array in arrays.items()}
        self._build(tensors)
        return {name: value.numpy() for name, value in self._graph(tensors).items()}

    @cached_property
    def _graph(self) -> Any:
        """The call as `predict` of Keras makes it: in a graph, where some operators round in
        another way."""
        return tf.function(self.call, reduce_retracing=True, autograph=False)

    def _build(self, tensors: Tensors) -> None:
        """Lets a model without variables before its first call make them, outside of a graph."""
        if self.variables is not None and self.kept is None:
            self.call(tensors)
            self.kept = self.variables()

    def function(self, arrays: Arrays, batch: int | None) -> tuple[Any, list[Any]]:
        """A tf.function of the inputs by position and its input signature, for a batch size."""
        names = [i.name for i in self.inputs if i.name in arrays]
        self._build({name: tf.constant(arrays[name]) for name in names})
        specs = [
            tf.TensorSpec((batch, *self._sizes(name, arrays[name])), arrays[name].dtype, name=name)
            for name in names
        ]

        def serve(*values: Any) -> dict[str, Any]:
            with portable():
                return self.call(dict(zip(names, values, strict=True)))

        # The parameters' names become the names of the signature's inputs.
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        serve.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(f"input_{i}", kind) for i in range(len(names))]
        )
        return tf.function(serve, input_signature=specs, autograph=False), specs

    def _sizes(self, name: str, array: Array) -> list[int | None]:
        """Of one sample, None where they stay free."""
        free = self.asked.free_axes(name)
        return [None if axis in free else size for axis, size in enumerate(array.shape[1:], 1)]


def wrap(built: object) -> Model | None:
    """A model of Keras or a loaded SavedModel, or None when `built` is neither."""
    import keras

    if isinstance(built, keras.Model):
        return from_keras(built)
    return from_saved_model(built) if getattr(built, "signatures", None) else None


def from_keras(model: Any) -> Model:
    """Raises InputError for a model that is not built."""
    import keras

    if not getattr(model, "inputs", None):  # a Sequential that is not built raises
        raise InputError(
            "The Keras model does not say what its inputs are; build it with keras.Input or save "
            "it as a SavedModel with model.export(FOLDER)."
        )
    # A Sequential has no `input` before its first call, and never more than one.
    structure = model.inputs[0] if isinstance(model, keras.Sequential) else model.input
    if isinstance(structure, dict):
        tensors: dict[str, Any] = dict(structure)
    else:
        flat = structure if isinstance(structure, list | tuple) else [structure]
        tensors = {tensor.name: tensor for tensor in flat}
    names = list(getattr(model, "output_names", ()))
    if not names and getattr(model, "layers", None):
        names = [model.layers[-1].name]  # a Sequential ends in its last layer

    def call(arrays: Tensors) -> dict[str, Any]:
        given: Any = dict(arrays)
        if not isinstance(structure, dict):
            given = [arrays[name] for name in tensors]
            given = given if isinstance(structure, list | tuple) else given[0]
        return name_outputs(model(given, training=False), names)

    inputs = tuple(
        ModelInput(name=name, dtype=str(tensor.dtype), shape=tuple(tensor.shape))
        for name, tensor in tensors.items()
    )
    variables = [variable.value for variable in model.variables]
    wrapped = TensorflowModel("keras", model, call, inputs, variables)
    wrapped.assumed = in_float32(model)
    return wrapped


def choose_signature(signatures: Mapping[str, Any], wanted: str = "") -> str:
    """The one that is wanted; else `serving_default`, or the only one that a SavedModel has.

    Raises InputError without.
    """
    if wanted:
        if wanted not in signatures:
            raise InputError(
                f"The SavedModel has no signature {wanted!r}, but {', '.join(signatures) or 'none'}"
                "; name one of these as FOLDER:SIGNATURE."
            )
        return wanted
    if "serving_default" in signatures:
        return "serving_default"
    if len(signatures) != 1:
        raise InputError(
            f"The SavedModel has the signatures {', '.join(signatures) or 'none'}; name one as "
            "FOLDER:SIGNATURE, or save it with one named serving_default."
        )
    return next(iter(signatures))


def from_saved_model(loaded: Any, wanted: str = "") -> Model:
    """The signature that `choose_signature` names, as a model.

    Inputs and outputs are in the order of their names: the file keeps them in maps, which every
    process reads in another order.
    """
    function = loaded.signatures[choose_signature(loaded.signatures, wanted)]
    specs = function.structured_input_signature[1]

    def call(arrays: Tensors) -> dict[str, Any]:
        return dict(sorted(name_outputs(function(**arrays)).items()))

    inputs = tuple(
        ModelInput(name=name, dtype=spec.dtype.name, shape=tuple(spec.shape))
        for name, spec in sorted(specs.items())
    )
    return TensorflowModel("saved-model", loaded, call, inputs, kept=loaded)
