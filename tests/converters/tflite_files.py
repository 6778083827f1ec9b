"""Small .tflite files written op by op, for what no converter writes on purpose."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

FLOAT32 = schema.TensorType.FLOAT32
INT8 = schema.TensorType.INT8
RESOURCE = schema.TensorType.RESOURCE


@dataclass(frozen=True)
class Tensor:
    """values: makes it a constant; scales: makes it quantised, along its first axis."""

    name: str
    shape: tuple[int, ...] = (1, 4)
    type: int = FLOAT32
    values: npt.NDArray[Any] | None = None
    scales: Sequence[float] = ()
    variable: bool = False


@dataclass(frozen=True)
class Op:
    """kind: the builtin's name; options: (the schema's enumerator, its object)."""

    kind: str
    inputs: Sequence[int] = ()
    outputs: Sequence[int] = ()
    version: int = 1
    custom: str = ""
    options: tuple[int, Any] | None = None


@dataclass(frozen=True)
class Graph:
    tensors: Sequence[Tensor]
    ops: Sequence[Op]
    inputs: Sequence[int] = field(default=(0,))
    outputs: Sequence[int] = field(default=())


def content(*graphs: Graph) -> bytes:
    """The file's bytes; the first graph is the model, with one signature."""
    model: Any = schema.ModelT()
    model.version = 3
    model.buffers = [schema.BufferT()]
    model.operatorCodes = []
    model.subgraphs = [_graph(model, graph) for graph in graphs]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def write(path: Path, *graphs: Graph) -> Path:
    path.write_bytes(content(*graphs))
    return path


def single(kind: str, version: int, options: tuple[int, Any] | None = None) -> bytes:
    """A model of one op without inputs and outputs, which an engine opens but cannot run."""
    return content(Graph([Tensor("x")], [Op(kind, version=version, options=options)], outputs=(0,)))


def _graph(model: Any, graph: Graph) -> Any:
    made: Any = schema.SubGraphT()
    made.tensors = [_tensor(model, tensor) for tensor in graph.tensors]
    made.operators = [_op(model, op) for op in graph.ops]
    made.inputs, made.outputs = list(graph.inputs), list(graph.outputs)
    return made


def _tensor(model: Any, tensor: Tensor) -> Any:
    made: Any = schema.TensorT()
    made.name, made.shape, made.type = tensor.name, list(tensor.shape), tensor.type
    made.isVariable, made.buffer = tensor.variable, 0
    if tensor.values is not None:
        buffer: Any = schema.BufferT()
        buffer.data = np.frombuffer(tensor.values.tobytes(), np.uint8)
        made.shape, made.buffer = list(tensor.values.shape), len(model.buffers)
        model.buffers.append(buffer)
    if tensor.scales:
        quantised: Any = schema.QuantizationParametersT()
        quantised.scale = list(tensor.scales)
        quantised.zeroPoint = [0] * len(tensor.scales)
        quantised.quantizedDimension = 0
        made.quantization = quantised
    return made


def _op(model: Any, op: Op) -> Any:
    code: Any = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, op.kind)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version, code.customCode = op.version, op.custom or None
    made: Any = schema.OperatorT()
    made.opcodeIndex = len(model.operatorCodes)
    model.operatorCodes.append(code)
    made.inputs, made.outputs = list(op.inputs), list(op.outputs)
    if op.options is not None:
        made.builtinOptionsType, made.builtinOptions = op.options
    return made


def dynamic_layer(scales: Sequence[float], version: int = 3) -> Graph:
    """y = x W' with int8 weights W [3, 4] on float x [1, 4]; scales: one, or one a channel."""
    options: Any = schema.FullyConnectedOptionsT()
    weights = np.arange(-6, 6, dtype=np.int8).reshape(3, 4) * 10
    return Graph(
        [
            Tensor("x"),
            Tensor("weights", type=INT8, values=weights, scales=scales),
            Tensor("y", (1, 3)),
        ],
        [
            Op(
                "FULLY_CONNECTED",
                (0, 1, -1),
                (2,),
                version,
                options=(schema.BuiltinOptions.FullyConnectedOptions, options),
            )
        ],
        outputs=(2,),
    )
