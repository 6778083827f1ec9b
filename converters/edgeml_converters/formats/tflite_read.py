"""Reading a .tflite file: its ops and tensors, in order of execution."""

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeml.errors import InputError

_OPS = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
_TYPES = {code: name for name, code in vars(schema.TensorType).items() if isinstance(code, int)}


@dataclass(frozen=True)
class Tensor:
    """type: the schema's, in lower case (float32, int8); scales: empty where it is not quantised.

    signature: its shape with -1 for what is free, of which `shape` has an example.
    buffer: where its values lie; several tensors may share one.
    constant: its values are in the file; variable: an engine keeps it between calls.
    """

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    buffer: int
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    constant: bool
    variable: bool


@dataclass(frozen=True)
class Op:
    """kind: the builtin's name; custom: the name of a custom op, else empty.

    inputs: None where an optional one is left out. options: the schema's object.
    """

    kind: str
    custom: str
    version: int
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Any

    @property
    def name(self) -> str:
        return self.custom or self.kind

    @property
    def place(self) -> str:
        """Where it is, for people: its first output, else its first input, else its name."""
        tensors = [*self.outputs, *(tensor for tensor in self.inputs if tensor is not None)]
        return tensors[0].name if tensors else self.name


@dataclass(frozen=True)
class TfliteFile:
    """subgraphs: the ops of each; the first is the model, others are bodies of loops and the like.

    inputs, outputs: the model's own.
    """

    subgraphs: tuple[tuple[Op, ...], ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]

    @cached_property
    def ops(self) -> tuple[Op, ...]:
        return tuple(op for subgraph in self.subgraphs for op in subgraph)


def read(path: Path) -> TfliteFile:
    """Raises InputError when it is no whole .tflite file."""
    data = path.read_bytes()
    if data[4:8] != b"TFL3":
        raise InputError(
            f"{path.name} does not begin like a .tflite file; convert the model again."
        )
    try:
        model: Any = schema.ModelT.InitFromPackedBuf(data, 0)
        tensors = [_tensors(model, graph) for graph in model.subgraphs]
        subgraphs = tuple(
            tuple(_op(model, op, of_graph) for op in _listed(graph.operators))
            for graph, of_graph in zip(model.subgraphs, tensors, strict=True)
        )
        inputs, outputs = (
            tuple(tensors[0][index] for index in _listed(indices))
            for indices in (model.subgraphs[0].inputs, model.subgraphs[0].outputs)
        )
    # What a flatbuffer with a wrong offset makes the reader do.
    except (struct.error, IndexError, TypeError, ValueError, AttributeError, KeyError) as error:
        raise InputError(
            f"{path.name} is not a whole .tflite file; convert the model again."
        ) from error
    return TfliteFile(subgraphs, inputs, outputs)


def _tensors(model: Any, graph: Any) -> list[Tensor]:
    tensors: list[Tensor] = []
    for index, tensor in enumerate(_listed(graph.tensors)):
        quantised = tensor.quantization
        buffer = model.buffers[tensor.buffer]
        shape = tuple(map(int, _listed(tensor.shape)))
        tensors.append(
            Tensor(
                index=index,
                name=_text(tensor.name),
                type=_TYPES[tensor.type].lower(),
                shape=shape,
                signature=tuple(map(int, _listed(tensor.shapeSignature))) or shape,
                buffer=int(tensor.buffer),
                scales=tuple(map(float, _listed(quantised and quantised.scale))),
                zero_points=tuple(map(int, _listed(quantised and quantised.zeroPoint))),
                # The bytes of a file above 2 GiB lie behind the flatbuffer, at an offset above 1.
                constant=bool(len(buffer.data if buffer.data is not None else ()))
                or buffer.offset > 1,
                variable=bool(tensor.isVariable),
            )
        )
    return tensors


def _op(model: Any, op: Any, tensors: list[Tensor]) -> Op:
    code = model.operatorCodes[op.opcodeIndex]
    return Op(
        # Codes above 127 do not fit the first field that there was for them.
        kind=_OPS[max(code.builtinCode, code.deprecatedBuiltinCode)],
        custom=_text(code.customCode),
        version=int(code.version),
        inputs=tuple(None if i < 0 else tensors[i] for i in _listed(op.inputs)),
        outputs=tuple(tensors[i] for i in _listed(op.outputs)),
        options=op.builtinOptions,
    )


def _listed(vector: Any) -> list[Any]:
    """A vector of the schema as a list; the schema gives None for an empty one."""
    return [] if vector is None else list(vector)


def _text(name: bytes | str | None) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name or ""
