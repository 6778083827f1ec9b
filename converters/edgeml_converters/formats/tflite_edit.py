"""A .tflite file as objects that can be changed, and written again."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from edgeml_converters.formats.tensors import Array

_CONTROL_FLOW = ("CALL", "CASE", "IF", "STABLEHLO_CASE", "STABLEHLO_WHILE", "WHILE")
_Type = schema.TensorType


def read(content: bytes) -> Any:
    """The file as objects that can be changed: a `ModelT` of the flatbuffer's schema."""
    return flatbuffer_utils.read_model_from_bytearray(bytearray(content))


def write(model: Any) -> bytes:
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def op_name(model: Any, op: Any) -> str:
    return flatbuffer_utils.opcode_to_name(model, op.opcodeIndex) or "CUSTOM"


def tensor_name(tensor: Any) -> str:
    return str(tensor.name.decode())


def is_constant(model: Any, tensor: Any) -> bool:
    return model.buffers[tensor.buffer].data is not None


def floats_of(model: Any, tensor: Any) -> Array:
    """The values of a float32 constant."""
    data = bytes(bytearray(model.buffers[tensor.buffer].data))
    return np.frombuffer(data, np.float32).reshape(tuple(map(int, tensor.shape)))


def add_constant(model: Any, subgraph: Any, name: str, values: Array) -> int:
    """Adds float32 values; the index of their tensor in the subgraph."""
    buffer: Any = schema.BufferT()
    buffer.data = np.frombuffer(values.astype(np.float32).tobytes(), np.uint8)
    buffer.offset = buffer.size = 0
    tensor: Any = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name.encode(), list(values.shape), _Type.FLOAT32
    tensor.buffer = len(model.buffers)
    model.buffers.append(buffer)
    subgraph.tensors.append(tensor)
    return len(subgraph.tensors) - 1


def own_buffer(model: Any, tensor: Any) -> None:
    """Gives the tensor a copy of its data where another tensor has the same."""
    users = sum(t.buffer == tensor.buffer for graph in model.subgraphs for t in graph.tensors)
    if users > 1:
        copy: Any = schema.BufferT()
        copy.data = np.array(model.buffers[tensor.buffer].data, np.uint8)
        copy.offset = copy.size = 0
        tensor.buffer = len(model.buffers)
        model.buffers.append(copy)


def activations(model: Any) -> list[str]:
    """The names of the float tensors that the main graph takes or computes itself.

    The result of a loop or a branch is left out: after the call its memory holds anything.
    """
    main = model.subgraphs[0]
    nested = {
        int(index)
        for op in main.operators
        if op_name(model, op) in _CONTROL_FLOW
        for index in op.outputs
    }
    return [
        tensor_name(tensor)
        for index, tensor in enumerate(main.tensors)
        if tensor.type == _Type.FLOAT32 and not is_constant(model, tensor) and index not in nested
    ]


def outputs(model: Any) -> set[str]:
    """The names of the tensors that the main graph answers with."""
    main = model.subgraphs[0]
    return {tensor_name(main.tensors[int(index)]) for index in main.outputs}
