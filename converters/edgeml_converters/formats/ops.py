"""The ops of a file of either format, by the names under which quantisation keeps them in float."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from edgeml.manifest import Format
from edgeml_converters.formats.layers import ONNX_WEIGHTS, TFLITE_WEIGHTS
from edgeml_converters.formats.moves import ONNX_MOVES


@dataclass(frozen=True)
class Op:
    """name: that of its first output where the file gives it none.

    weights: how many numbers the constants of two axes or more have that it takes as a layer's
    weights, as they are or behind ops that only cut, join or turn them; weight_names: of these.
    constants: the names of all.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    weights: int = 0
    constants: tuple[str, ...] = ()
    weight_names: tuple[str, ...] = ()


def weights_of(ops: Iterable[Op]) -> int:
    """Of all of them, those that several take counted once."""
    return sum({op.weight_names or (op.name,): op.weights for op in ops}.values())


def sharing_weights(ops: Sequence[Op]) -> dict[str, tuple[str, ...]]:
    """The name of each op with weights -> those of all that take one of them, with itself: the
    steps of an unrolled recurrent layer."""
    takers: dict[str, list[str]] = {}
    for op in ops:
        for name in op.weight_names:
            takers.setdefault(name, []).append(op.name)
    return {
        op.name: tuple(dict.fromkeys(taker for name in op.weight_names for taker in takers[name]))
        or (op.name,)
        for op in ops
        if op.weights
    }


def ops_of(form: Format, entry: Path) -> list[Op]:
    """In the file's order."""
    return (_of_onnx if form == "onnx" else _of_tflite)(entry)


def _of_onnx(entry: Path) -> list[Op]:
    from edgeml_converters.formats.onnx_read import read_graph
    from edgeml_converters.formats.onnx_walk import constants

    model = read_graph(entry)
    graph = model.graph
    stored = constants(graph)
    sizes = {name: prod(tensor.dims) for name, tensor in stored.items() if len(tensor.dims) > 1}
    shapes = _shapes(model) if any(sizes.keys() & n.input for n in graph.node if _cuts(n)) else {}
    fixed = set(stored)
    ops: list[Op] = []
    for node in graph.node:
        if node.op_type == "Constant":
            continue
        size = sum(sizes.get(name, 0) for name in node.input)
        moves = node.op_type in ONNX_MOVES and fixed.issuperset(filter(None, node.input))
        if moves and size:
            fixed.update(node.output)
            for name in node.output:
                shape = shapes.get(name, (0,))
                sizes[name] = size if 0 in shape else prod(shape)  # 0: it is not told
        taken = () if moves else ONNX_WEIGHTS.get(node.op_type, ())
        inputs = [node.input[place] for place in taken if place < len(node.input)]
        known = tuple(name for name in inputs if name in sizes)
        ops.append(
            Op(
                node.name or node.output[0],
                node.op_type,
                tuple(node.input),
                tuple(node.output),
                sum(sizes[name] for name in known),
                tuple(name for name in node.input if name in stored),
                known,
            )
        )
    return ops


def _cuts(node: Any) -> bool:
    return node.op_type in ("Slice", "Split")


def _shapes(model: Any) -> dict[str, tuple[int, ...]]:
    """Of the tensors inside, as far as they are known."""
    from onnx import shape_inference

    return {
        value.name: tuple(axis.dim_value for axis in value.type.tensor_type.shape.dim)
        for value in shape_inference.infer_shapes(model).graph.value_info
        if value.type.tensor_type.HasField("shape")
    }


def _of_tflite(entry: Path) -> list[Op]:
    from edgeml_converters.formats import tflite_read

    ops: list[Op] = []
    for op in tflite_read.read(entry).subgraphs[0]:
        if not op.outputs:
            continue
        taken = [op.inputs[n] for n in TFLITE_WEIGHTS.get(op.kind, ()) if n < len(op.inputs)]
        weights = {t.name: prod(t.shape) for t in taken if t and t.constant and len(t.shape) > 1}
        ops.append(
            Op(
                op.outputs[0].name,
                op.kind,
                tuple(tensor.name for tensor in op.inputs if tensor is not None),
                tuple(tensor.name for tensor in op.outputs),
                sum(weights.values()),
                tuple(t.name for t in op.inputs if t is not None and t.constant),
                tuple(weights),
            )
        )
    return ops
