"""A small .tflite written by the flatbuffer schema: no framework is needed."""

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

SAME = schema.Padding.SAME


class Builder:
    """One subgraph; `tensor` returns its index. Buffer 0 is the empty one, by convention."""

    def __init__(self) -> None:
        self._model: Any = schema.ModelT()
        self._model.version = 3
        self._model.operatorCodes = []
        self._model.buffers = [schema.BufferT()]
        self._graph: Any = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._model.subgraphs = [self._graph]

    def tensor(
        self, name: str, shape: tuple[int, ...], values: npt.NDArray[Any] | None = None
    ) -> int:
        tensor: Any = schema.TensorT()
        tensor.name, tensor.shape = name, np.array(shape, np.int32)
        tensor.type, tensor.buffer = schema.TensorType.FLOAT32, 0
        if values is not None:
            buffer: Any = schema.BufferT()
            buffer.data = np.frombuffer(values.astype(np.float32).tobytes(), np.uint8)
            self._model.buffers.append(buffer)
            tensor.buffer = len(self._model.buffers) - 1
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def operator(
        self, name: str, inputs: list[int], output: int, kind: int = 0, options: Any = None
    ) -> None:
        code: Any = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode, code.version = code.builtinCode, 1
        self._model.operatorCodes.append(code)
        operator: Any = schema.OperatorT()
        operator.opcodeIndex = len(self._model.operatorCodes) - 1
        operator.inputs = np.array(inputs, np.int32)
        operator.outputs = np.array([output], np.int32)
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self._graph.operators.append(operator)

    def write(self, path: Path, inputs: list[int], outputs: list[int]) -> Path:
        self._graph.inputs = np.array(inputs, np.int32)
        self._graph.outputs = np.array(outputs, np.int32)
        packer = flatbuffers.Builder(1024)
        packer.Finish(self._model.Pack(packer), b"TFL3")
        path.write_bytes(bytes(packer.Output()))
        return path


def convolution(path: Path, weights: npt.NDArray[Any], dense: npt.NDArray[Any]) -> Path:
    """scores = dense . conv(image); image [1, 4, 4, c], weights [o, 3, 3, c], dense [n, o]."""
    made = Builder()
    channels, out = weights.shape[3], weights.shape[0]
    image = made.tensor("image", (1, 4, 4, channels))
    kernel = made.tensor("kernel", weights.shape, weights)
    bias = made.tensor("bias", (out,), np.zeros(out))
    maps = made.tensor("maps", (1, 4, 4, out))
    matrix = made.tensor("matrix", dense.shape, dense)
    scores = made.tensor("scores", (1, 4, 4, dense.shape[0]))
    conv: Any = schema.Conv2DOptionsT()
    conv.padding, conv.strideW, conv.strideH = SAME, 1, 1
    conv.dilationWFactor = conv.dilationHFactor = 1
    made.operator("CONV_2D", [image, kernel, bias], maps, schema.BuiltinOptions.Conv2DOptions, conv)
    full: Any = schema.FullyConnectedOptionsT()
    full.keepNumDims = True
    made.operator(
        "FULLY_CONNECTED",
        [maps, matrix, -1],
        scores,
        schema.BuiltinOptions.FullyConnectedOptions,
        full,
    )
    return made.write(path, [image], [scores])


def pair(path: Path, outputs: tuple[str, str]) -> Path:
    """outputs[0] = a + b and outputs[1] = a - b over [1, 3]."""
    made = Builder()
    a, b = made.tensor("a", (1, 3)), made.tensor("b", (1, 3))
    total, difference = (made.tensor(name, (1, 3)) for name in outputs)
    options = schema.BuiltinOptions
    made.operator("ADD", [a, b], total, options.AddOptions, schema.AddOptionsT())
    made.operator("SUB", [a, b], difference, options.SubOptions, schema.SubOptionsT())
    return made.write(path, [a, b], [total, difference])
