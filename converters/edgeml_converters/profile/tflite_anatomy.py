"""A TFLite file taken apart: operators, weights, multiply-accumulates."""

from collections import Counter
from math import prod
from pathlib import Path

from edgeml.profile import Layer
from edgeml_converters.formats.tensors import Shapes
from edgeml_converters.formats.tflite_read import Op, Tensor, TfliteFile, read
from edgeml_converters.profile.tflite_macs import macs
from edgeml_converters.steps.messages import Anatomy

# Floats, and bytes that stand for floats.
_NUMBERS = {"float32", "float16", "bfloat16", "int8", "uint8", "int4"}


def take_apart(entry: Path, shapes: Shapes) -> Anatomy:
    """shapes: of the inputs that it would be given. Raises InputError for no TFLite file."""
    file = read(entry)
    times = _times(file, shapes)
    graphs = [_Weights(ops) for ops in file.subgraphs]
    sizes = {
        weight.buffer: prod(weight.shape)
        for graph in graphs
        for op in graph.ops
        for weight in graph.of(op)
    }
    return Anatomy(
        size=entry.stat().st_size,
        parameters=sum(sizes.values()),
        ops=dict(sorted(Counter(_name(op) for op in file.ops).items())),
        layers=tuple(_layer(graphs[0], op, times) for op in graphs[0].ops),
    )


class _Weights:
    """What the ops of one subgraph compute with."""

    def __init__(self, ops: tuple[Op, ...]) -> None:
        self.ops = ops
        # DEQUANTIZE hands a constant on to the op that uses it.
        self._handed_on = {
            op.outputs[0].index: op.inputs[0]
            for op in ops
            if op.kind == "DEQUANTIZE" and op.inputs[0] is not None and op.inputs[0].constant
        }

    def of(self, op: Op) -> list[Tensor]:
        """The weights among its inputs."""
        if op.outputs and op.outputs[0].index in self._handed_on:
            return []
        taken = (self._handed_on.get(t.index, t) for t in op.inputs if t is not None)
        return [tensor for tensor in taken if _is_weight(tensor)]


def _is_weight(tensor: Tensor) -> bool:
    """Integers of other sizes are shapes and axes, but for a bias that has a scale."""
    number = tensor.type in _NUMBERS or (tensor.type == "int32" and len(tensor.scales) > 0)
    return number and bool(tensor.shape) and tensor.constant


def _times(file: TfliteFile, shapes: Shapes) -> int | None:
    """How many times the file's own batch a call's batch is; None where other sizes differ too."""
    for tensor, given in zip(file.inputs, shapes.values(), strict=False):
        own = tensor.shape
        if own and (own[1:] != given[1:] or given[0] % own[0]):
            return None
        if own:
            return given[0] // own[0]
    return 1


def _layer(weights: _Weights, op: Op, times: int | None) -> Layer:
    shape = op.outputs[0].shape if op.outputs else ()
    used = weights.of(op)
    matrices = sum(prod(tensor.shape) for tensor in used if len(tensor.shape) == 2)
    count = macs(op, matrices, shape)
    return Layer(
        name=op.outputs[0].name if op.outputs else "",
        op=_name(op),
        shape=None if times is None else shape,
        macs=None if times is None or count is None else count * times,
        parameters=sum({tensor.buffer: prod(tensor.shape) for tensor in used}.values()),
    )


def _name(op: Op) -> str:
    return f"custom.{op.custom}" if op.kind == "CUSTOM" else op.kind
