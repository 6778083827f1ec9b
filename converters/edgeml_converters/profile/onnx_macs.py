"""Multiply-accumulates of one ONNX node, from the shapes of its tensors."""

from collections.abc import Callable
from math import prod

import onnx

from edgeml_converters.formats.tensors import Shapes

# Where data, weights and answer stand among a node's inputs; the answer is its first output.
_CONVOLUTIONS = {"Conv": (0, 1), "ConvInteger": (0, 1), "QLinearConv": (0, 3)}
_PRODUCTS = {
    "MatMul": (0, 1),
    "MatMulInteger": (0, 1),
    "QLinearMatMul": (0, 3),
    "FusedMatMul": (0, 1),
    "MatMulIntegerToFloat": (0, 1),
    "DynamicQuantizeMatMul": (0, 1),
}
_RECURRENT = {"LSTM", "GRU", "RNN", "DynamicQuantizeLSTM"}
# What these cost depends on the run, or on a graph inside of them.
_UNKNOWN = {"Loop", "If", "Scan", "SequenceMap", "Einsum", "DeformConv", "Attention"}


def macs(node: onnx.NodeProto, shapes: Shapes) -> int | None:
    """0 for an operator that is no product, None where its count is not known before a run."""
    kind = node.op_type
    if kind in _UNKNOWN:
        return None
    if kind in _CONVOLUTIONS:
        return _count(node, shapes, _CONVOLUTIONS[kind], _convolution)
    if kind == "ConvTranspose":
        return _count(node, shapes, (0, 1), _transposed)
    if kind in _PRODUCTS:
        return _count(node, shapes, _PRODUCTS[kind], _product)
    if kind == "Gemm":
        across = _integer(node, "transA")
        return _count(node, shapes, (0, 1), lambda a, _, y: prod(y) * a[0 if across else 1])
    if kind in _RECURRENT:
        return _recurrent(node, shapes)
    return 0


def _count(
    node: onnx.NodeProto,
    shapes: Shapes,
    places: tuple[int, int],
    rule: Callable[[tuple[int, ...], tuple[int, ...], tuple[int, ...]], int],
) -> int | None:
    names = (node.input[places[0]], node.input[places[1]], node.output[0])
    if any(name not in shapes for name in names):
        return None
    return rule(*(shapes[name] for name in names))


def _convolution(_: tuple[int, ...], w: tuple[int, ...], y: tuple[int, ...]) -> int:
    """w: [out channels, in channels / group, *kernel]."""
    return prod(y) * prod(w[1:])


def _transposed(x: tuple[int, ...], w: tuple[int, ...], _: tuple[int, ...]) -> int:
    """w: [in channels, out channels / group, *kernel]."""
    return prod(x) * prod(w[1:])


def _product(a: tuple[int, ...], _: tuple[int, ...], y: tuple[int, ...]) -> int:
    return prod(y) * a[-1]


def _recurrent(node: onnx.NodeProto, shapes: Shapes) -> int | None:
    """Every weight once for each step of each sample; X is [steps, batch, features] or, with
    layout 1, [batch, steps, features], so the product of its first two sizes serves both."""
    if any(name not in shapes for name in node.input[:3]):
        return None
    steps = prod(shapes[node.input[0]][:2])
    return steps * (prod(shapes[node.input[1]]) + prod(shapes[node.input[2]]))


def _integer(node: onnx.NodeProto, name: str) -> int:
    return next((a.i for a in node.attribute if a.name == name), 0)
