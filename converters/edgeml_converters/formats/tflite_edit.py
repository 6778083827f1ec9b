"""A .tflite file as objects that can be changed, and written again."""

from typing import Any

from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

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
