"""Where the weights of a .tflite file are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.formats.layers import TFLITE_WEIGHTS
from edgeml_converters.formats.tflite_edit import is_constant, op_name

# Ops that hand on a weight without computing with it.
_PASS_ON = ("CAST", "DEQUANTIZE", "RESHAPE", "TRANSPOSE")
_Type = schema.TensorType
_KINDS = (_Type.FLOAT32, _Type.FLOAT16, _Type.INT8, _Type.UINT8, _Type.INT4)


@dataclass(frozen=True)
class Weight:
    """A constant that an op takes as its weights.

    subgraph: which holds the constant. tensor: its index there.
    direct: an op of that subgraph takes the constant itself, not what another op makes of it.
    """

    subgraph: int
    tensor: int
    direct: bool


def weights(model: Any) -> Iterator[Weight]:
    """Every use of a constant of rank 2 or more as weights."""
    for number, subgraph in enumerate(model.subgraphs):
        for op in subgraph.operators:
            for place in TFLITE_WEIGHTS.get(op_name(model, op), ()):
                index = int(op.inputs[place]) if place < len(op.inputs) else -1
                source = _constant(model, number, index)
                if source is not None:
                    yield Weight(*source, direct=source == (number, index))


def _constant(model: Any, number: int, index: int) -> tuple[int, int] | None:
    """Subgraph and index of the constant behind a tensor, through ops that only hand it on and
    through loops that carry it unchanged."""
    while index >= 0:
        subgraph = model.subgraphs[number]
        tensor = subgraph.tensors[index]
        if is_constant(model, tensor):
            large = tensor.shape is not None and len(tensor.shape) > 1
            return (number, index) if large and tensor.type in _KINDS else None
        maker = next((op for op in subgraph.operators if index in map(int, op.outputs)), None)
        if maker is not None and op_name(model, maker) in _PASS_ON:
            index = int(maker.inputs[0])
        elif maker is None and index in map(int, subgraph.inputs):
            number, index = _outside(model, number, index)
        else:
            return None
    return None


def _outside(model: Any, body: int, index: int) -> tuple[int, int]:
    """Subgraph and index of what a loop gives its body here; index -1 where turns differ."""
    place = [int(i) for i in model.subgraphs[body].inputs].index(index)
    if [int(i) for i in model.subgraphs[body].outputs][place : place + 1] != [index]:
        return body, -1
    for number, subgraph in enumerate(model.subgraphs):
        for op in subgraph.operators:
            if op_name(model, op) == "WHILE" and op.builtinOptions.bodySubgraphIndex == body:
                return number, int(op.inputs[place])
    return body, -1
