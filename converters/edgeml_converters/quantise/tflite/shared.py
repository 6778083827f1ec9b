"""Weights that an op which stays in float shares with others, as steps of an unrolled net do."""

from collections.abc import Container
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.formats.layers import TFLITE_WEIGHTS
from edgeml_converters.formats.tflite_edit import (
    add_constant,
    floats_of,
    is_constant,
    op_name,
    tensor_name,
)


def part_kept(model: Any, kept: Container[str]) -> None:
    """Gives the ops with an output in `kept` weights of their own, in place.

    litert-quantizer 0.11 parts such a weight itself, and raises where the others compute in float
    by int8 weights: it has the name of the copy as text then, and wants bytes.
    """
    for subgraph in model.subgraphs:
        in_float, others = dict[int, list[Any]](), set[int]()
        for op in subgraph.operators:
            stays = any(tensor_name(subgraph.tensors[int(i)]) in kept for i in op.outputs)
            for place in TFLITE_WEIGHTS.get(op_name(model, op), ()):
                index = int(op.inputs[place]) if place < len(op.inputs) else -1
                if index >= 0 and _is_float(model, subgraph.tensors[index]):
                    if stays:
                        in_float.setdefault(index, []).append(op)
                    else:
                        others.add(index)
        for index in in_float.keys() & others:
            tensor = subgraph.tensors[index]
            name = f"{tensor_name(tensor)}_kept"
            copy = add_constant(model, subgraph, name, floats_of(model, tensor))
            for op in in_float[index]:
                op.inputs = [copy if int(old) == index else int(old) for old in op.inputs]


def _is_float(model: Any, tensor: Any) -> bool:
    return tensor.type == schema.TensorType.FLOAT32 and is_constant(model, tensor)
