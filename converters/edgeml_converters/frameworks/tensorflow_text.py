"""Models that take text, which neither files nor the contract of a device do."""

from collections.abc import Sequence
from typing import Any

from edgeml.errors import InputError
from edgeml_converters.formats.tensors import ModelInput
from edgeml_converters.frameworks.keras_words import behind

TEXT = "string"


def refuse_text(owner: Any, inputs: Sequence[ModelInput]) -> None:
    """Raises InputError for inputs of text, by the layers of a Keras model that take them."""
    texts = [repr(one.name) for one in inputs if one.dtype == TEXT]
    if not texts:
        return
    layers = [layer.name for layer in getattr(owner, "layers", ()) if _takes_text(layer)]
    taken = f" for the layer {' and '.join(layers)}" if layers else ""
    rest = ""
    if layers:
        alone = len(layers) == len(inputs) == 1
        rest = f" as {behind(layers[0])}" if alone else " from the outputs of these layers on"
    raise InputError(
        f"{' and '.join(texts)} is text{taken}, but a converted model takes numbers only; turn the "
        f"text into numbers before the model, and convert what follows{rest}."
    )


def _takes_text(layer: Any) -> bool:
    nodes = getattr(layer, "_inbound_nodes", ())  # no public way says what a layer was called on
    return any(tensor.dtype == TEXT for node in nodes for tensor in node.input_tensors)
