"""How much of a TFLite file's weights is of lower precision."""

from math import prod
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.quantise.share import share
from edgeml_converters.quantise.tflite.places import weights


def tflite_coverage(model: Any) -> float:
    """In per cent of the weights' bytes in the float file; see quantise.coverage."""
    by_buffer: dict[int, tuple[int, bool]] = {}
    for weight in weights(model):
        tensor = model.subgraphs[weight.subgraph].tensors[weight.tensor]
        by_buffer[tensor.buffer] = (
            prod(map(int, tensor.shape)),
            tensor.type != schema.TensorType.FLOAT32,
        )
    return share(by_buffer.values())
