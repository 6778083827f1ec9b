"""What is inside a .tflite file, as far as quantisation needs to know it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from edgeml_converters.quantise.coverage import share

# The inputs of each op that take a layer's weights.
WEIGHT_INPUTS: dict[str, tuple[int, ...]] = {
    "BATCH_MATMUL": (0, 1),
    "BIDIRECTIONAL_SEQUENCE_LSTM": (*range(1, 9), 15, *range(18, 26), 32),
    "BIDIRECTIONAL_SEQUENCE_RNN": (1, 2, 4, 5),
    "CONV_2D": (1,),
    "CONV_3D": (1,),
    "DEPTHWISE_CONV_2D": (1,),
    "EMBEDDING_LOOKUP": (1,),
    "FULLY_CONNECTED": (1,),
    "GATHER": (0,),
    "SVDF": (1, 2),
    "TRANSPOSE_CONV": (1,),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (*range(1, 9), 16),
    "UNIDIRECTIONAL_SEQUENCE_RNN": (1, 2),
}
# Ops that hand on a weight without computing with it.
_PASS_ON = ("CAST", "DEQUANTIZE", "RESHAPE", "TRANSPOSE")
_Type = schema.TensorType
_KINDS = (_Type.FLOAT32, _Type.FLOAT16, _Type.INT8, _Type.UINT8, _Type.INT4)


@dataclass(frozen=True)
class Weight:
    """A constant that an op takes as its weights.

    subgraph, position: where the op is. tensor: the index of the constant in the subgraph.
    direct: the op takes the constant itself, not what another op makes of it.
    """

    subgraph: int
    position: int
    tensor: int
    direct: bool


def read(content: bytes) -> Any:
    """The file as objects that can be changed: a `ModelT` of the flatbuffer's schema."""
    return flatbuffer_utils.read_model_from_bytearray(bytearray(content))


def op_name(model: Any, op: Any) -> str:
    return flatbuffer_utils.opcode_to_name(model, op.opcodeIndex) or "CUSTOM"


def tensor_name(tensor: Any) -> str:
    return str(tensor.name.decode())


def is_constant(model: Any, tensor: Any) -> bool:
    return model.buffers[tensor.buffer].data is not None


def activations(model: Any) -> list[str]:
    """The names of the float tensors that the main graph takes or computes."""
    return [
        tensor_name(tensor)
        for tensor in model.subgraphs[0].tensors
        if tensor.type == _Type.FLOAT32 and not is_constant(model, tensor)
    ]


def weights(model: Any) -> Iterator[Weight]:
    """Every use of a constant of rank 2 or more as weights."""
    for number, subgraph in enumerate(model.subgraphs):
        makers = {index: op for op in subgraph.operators for index in op.outputs}
        for position, op in enumerate(subgraph.operators):
            for place in WEIGHT_INPUTS.get(op_name(model, op), ()):
                index = int(op.inputs[place]) if place < len(op.inputs) else -1
                source = _constant(model, subgraph, makers, index)
                if source is not None:
                    yield Weight(number, position, source, direct=source == index)


def _constant(model: Any, subgraph: Any, makers: dict[int, Any], index: int) -> int | None:
    """The index of the constant behind a tensor, through ops that only hand it on."""
    while index >= 0:
        tensor = subgraph.tensors[index]
        if is_constant(model, tensor):
            large = tensor.shape is not None and len(tensor.shape) > 1
            return index if large and tensor.type in _KINDS else None
        maker = makers.get(index)
        if maker is None or op_name(model, maker) not in _PASS_ON:
            return None
        index = int(maker.inputs[0])
    return None


def tflite_coverage(model: Any) -> float:
    """In per cent of the weights' bytes in the float file; see coverage.coverage."""
    found: dict[int, tuple[int, bool]] = {}
    for weight in weights(model):
        tensor = model.subgraphs[weight.subgraph].tensors[weight.tensor]
        found[tensor.buffer] = (prod(map(int, tensor.shape)), tensor.type != _Type.FLOAT32)
    return share(found.values())
