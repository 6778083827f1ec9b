"""A TFLite file taken apart by its flatbuffer schema: operators, weights, multiply-accumulates."""

from collections import Counter
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

from edgeml.errors import InputError
from edgeml_converters.formats.tensors import Shapes
from edgeml_converters.profile.document import Layer
from edgeml_converters.profile.requests import Anatomy
from edgeml_converters.profile.tflite_macs import macs

_IDENTIFIER = b"TFL3"  # at byte 4 of every file
_NO_TENSOR = -1  # an optional input that is left out


def read(entry: Path, shapes: Shapes) -> Anatomy:
    """shapes: of the inputs that it would be given. Raises InputError for no TFLite file."""
    data = entry.read_bytes()
    if data[4:8] != _IDENTIFIER:
        raise InputError(f"{entry.name} is no TFLite model; convert the model again.")
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ModuleNotFoundError as error:
        raise InputError(
            "The operators of a .tflite are read by ai-edge-litert, which is not installed; "
            "install edgeml[litert]."
        ) from error
    try:
        model: Any = schema.ModelT.InitFromPackedBuf(data, 0)
    except Exception as error:  # the generated reader raises whatever the bytes make it raise
        raise InputError(f"{entry.name} is a damaged TFLite model; convert it again.") from error
    graphs = [_Graph(model, graph, schema) for graph in model.subgraphs]
    times = _times(graphs[0], shapes)
    weights: dict[int, int] = {}
    for graph in graphs:
        for operator in graph.operators:
            weights |= graph.weights(operator)
    return Anatomy(
        size=len(data),
        parameters=sum(weights.values()),
        ops=dict(sorted(Counter(graph.op(o) for graph in graphs for o in graph.operators).items())),
        layers=tuple(_layer(graphs[0], operator, times) for operator in graphs[0].operators),
    )


class _Graph:
    """One subgraph; a constant is known by its buffer, which several tensors may share."""

    def __init__(self, model: Any, graph: Any, schema: Any) -> None:
        self._model = model
        self._graph = graph
        self.operators: list[Any] = list(graph.operators or ())
        self._ops = {v: k for k, v in vars(schema.BuiltinOperator).items() if k[:1] != "_"}
        kinds = schema.TensorType
        self._bias = kinds.INT32
        self._numbers = {
            kinds.FLOAT32, kinds.FLOAT16, kinds.BFLOAT16, kinds.INT8, kinds.UINT8, kinds.INT4,
        }  # fmt: skip
        # DEQUANTIZE hands a constant on to the operator that uses it.
        self._handed: dict[int, int] = {
            operator.outputs[0]: operator.inputs[0]
            for operator in self.operators
            if self.op(operator) == "DEQUANTIZE" and self._constant(operator.inputs[0])
        }

    def op(self, operator: Any) -> str:
        code = self._model.operatorCodes[operator.opcodeIndex]
        # Operators below 127 stand in the older field.
        name = self._ops[max(code.builtinCode, code.deprecatedBuiltinCode)]
        return f"custom.{code.customCode.decode()}" if name == "CUSTOM" else name

    def name(self, index: int) -> str:
        return (self._graph.tensors[index].name or b"").decode(errors="replace")

    def shape(self, index: int) -> tuple[int, ...]:
        found = self._graph.tensors[index].shape
        return () if found is None else tuple(int(size) for size in found)

    def input_shapes(self, operator: Any) -> list[tuple[int, ...]]:
        inputs = () if operator.inputs is None else operator.inputs
        return [() if i == _NO_TENSOR else self.shape(i) for i in inputs]

    def inputs(self) -> Iterator[int]:
        yield from (int(index) for index in self._graph.inputs)

    def weights(self, operator: Any) -> dict[int, int]:
        """Buffer -> how many numbers it holds, of all that the operator computes with."""
        return {self._graph.tensors[i].buffer: prod(self.shape(i)) for i in self._used(operator)}

    def matrices(self, operator: Any) -> int:
        """How many numbers its weights of two axes hold."""
        shapes = [self.shape(index) for index in self._used(operator)]
        return sum(prod(shape) for shape in shapes if len(shape) == 2)

    def _used(self, operator: Any) -> list[int]:
        """The weights among its inputs."""
        if operator.inputs is None or operator.outputs[0] in self._handed:
            return []
        places = (self._handed.get(int(i), int(i)) for i in operator.inputs if i != _NO_TENSOR)
        return [index for index in places if self._weight(index)]

    def _weight(self, index: int) -> bool:
        """Floats and bytes; integers of other sizes are shapes and axes, but for a scaled bias."""
        tensor = self._graph.tensors[index]
        scaled = tensor.quantization is not None and tensor.quantization.scale is not None
        number = tensor.type in self._numbers or (tensor.type == self._bias and scaled)
        return number and bool(self.shape(index)) and self._constant(index)

    def _constant(self, index: int) -> bool:
        buffer = self._model.buffers[self._graph.tensors[index].buffer]
        # The bytes of a file above 2 GiB lie behind the flatbuffer, at an offset above 1.
        return (buffer.data is not None and len(buffer.data) > 0) or buffer.offset > 1


def _times(graph: _Graph, shapes: Shapes) -> int | None:
    """How often the file's own batch fits into that of a call; None where other sizes differ."""
    for index, given in zip(graph.inputs(), shapes.values(), strict=False):
        own = graph.shape(index)
        if own and (own[1:] != given[1:] or given[0] % own[0]):
            return None
        if own:
            return given[0] // own[0]
    return 1


def _layer(graph: _Graph, operator: Any, times: int | None) -> Layer:
    first = int(operator.outputs[0]) if operator.outputs is not None else _NO_TENSOR
    shape = () if first == _NO_TENSOR else graph.shape(first)
    op = graph.op(operator)
    count = macs(op, operator, graph.input_shapes(operator), graph.matrices(operator), shape)
    return Layer(
        name="" if first == _NO_TENSOR else graph.name(first),
        op=op,
        shape=None if times is None else shape,
        macs=None if times is None or count is None else count * times,
        parameters=sum(graph.weights(operator).values()),
    )
