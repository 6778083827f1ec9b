"""What an ONNX file's graph shows of the meaning of its tensors."""

from collections.abc import Mapping
from pathlib import Path

import onnx

from edgeml_converters.formats.onnx_read import read_graph
from edgeml_converters.formats.onnx_walk import constants
from edgeml_converters.roles.graph import Graph, Made, MapKind, Shape

_MOVES = frozenset(
    "Cast CastLike DequantizeLinear Flatten Gather Identity QuantizeLinear Reshape Slice Split "
    "Squeeze Transpose Unsqueeze".split()
)
_MAPS: dict[str, MapKind] = {
    "Softmax": "softmax",
    "LogSoftmax": "log-softmax",
    "Sigmoid": "sigmoid",
    "LpNormalization": "unit vectors",
}
Nodes = Mapping[str, onnx.NodeProto]
Tensors = Mapping[str, onnx.TensorProto]
_LENGTHS = frozenset(("ReduceL2",))
_OF_A_LENGTH = frozenset("Add Cast Clip Expand Identity Max Reshape Sqrt Unsqueeze".split())


def read_onnx(path: Path) -> Graph:
    """The graph behind the outputs; without shapes where they cannot be inferred."""
    model = read_graph(path)
    nodes = {name: node for node in model.graph.node for name in node.output}
    tensors = constants(model.graph)
    makers = {name: made for name, node in nodes.items() if (made := _made(node, nodes, tensors))}
    return Graph(makers, _shapes(model))


def _made(node: onnx.NodeProto, nodes: Nodes, tensors: Tensors) -> Made | None:
    inputs = tuple(node.input)
    if node.op_type in _MOVES:
        return Made("moved", inputs[:1], turned=node.op_type in ("Reshape", "Transpose"))
    if node.op_type == "Concat":
        return Made("joined", inputs, _axis(node, 1))
    if node.op_type in _MAPS:
        return Made(_MAPS[node.op_type], inputs, _axis(node, -1))
    if node.op_type == "Div" and (axis := _length_axis(inputs, nodes, tensors)) is not None:
        return Made("unit vectors", inputs, axis)
    return None


def _length_axis(inputs: tuple[str, ...], nodes: Nodes, tensors: Tensors) -> int | None:
    """The axis along which the divisor is the length of what it divides; None where it is not, or
    by more than one axis."""
    dividend, name = inputs
    while (node := nodes.get(name)) is not None and node.op_type in _OF_A_LENGTH:
        name = node.input[0]
    if node is None or node.op_type not in _LENGTHS or node.input[0] != dividend:
        return None
    axes = [int(axis) for a in node.attribute if a.name == "axes" for axis in a.ints]
    if len(node.input) > 1 and node.input[1] in tensors:  # from opset 18 on
        axes = [int(axis) for axis in onnx.numpy_helper.to_array(tensors[node.input[1]]).ravel()]
    return axes[0] if len(axes) == 1 else None


def _axis(node: onnx.NodeProto, default: int) -> int:
    return next((int(a.i) for a in node.attribute if a.name == "axis"), default)


def _shapes(model: onnx.ModelProto) -> dict[str, Shape]:
    try:
        model = onnx.shape_inference.infer_shapes(model, data_prop=True)
    except (onnx.shape_inference.InferenceError, ValueError):
        pass  # of what the file itself says something may be left
    graph = model.graph
    shapes = {
        value.name: tuple(d.dim_value or None for d in value.type.tensor_type.shape.dim)
        for value in (*graph.input, *graph.value_info, *graph.output)
        if value.type.tensor_type.HasField("shape")
    }
    return {tensor.name: tuple(tensor.dims) for tensor in graph.initializer} | shapes
