"""An ONNX file taken apart: operators, weights and multiply-accumulates, by shape inference."""

from collections import Counter
from math import prod
from pathlib import Path

import onnx
from onnx import inliner, shape_inference

from edgeml.profile import Layer
from edgeml_converters.formats.onnx_read import read_graph
from edgeml_converters.formats.onnx_walk import constants, walk
from edgeml_converters.formats.tensors import Shapes
from edgeml_converters.profile.onnx_macs import macs
from edgeml_converters.steps.messages import Anatomy

Shape = tuple[int, ...] | None
_FLOATS = {
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.FLOAT16,
    onnx.TensorProto.BFLOAT16,
    onnx.TensorProto.DOUBLE,
}
_BYTES = {
    onnx.TensorProto.INT8,
    onnx.TensorProto.UINT8,
    onnx.TensorProto.INT4,
    onnx.TensorProto.UINT4,
}
# Through these a weight reaches the operator that uses it.
_CARRIERS = {"DequantizeLinear", "Cast", "Transpose", "Identity", "Reshape", "Unsqueeze", "Squeeze"}

# Where scales and zero points stand among the inputs of operators: they are no weights.
_STEPS = {
    "QuantizeLinear": (1, 2),
    "DequantizeLinear": (1, 2),
    "ConvInteger": (2, 3),
    "MatMulInteger": (2, 3),
    "QLinearConv": (1, 2, 4, 5, 6, 7),
    "QLinearMatMul": (1, 2, 4, 5, 6, 7),
}


def take_apart(entry: Path, shapes: Shapes) -> Anatomy:
    """shapes: of the inputs that it would be given. Raises InputError for no ONNX file."""
    model = read_graph(entry)
    size = entry.stat().st_size + _external_bytes(model, entry.parent)
    graph = _inferred(model, shapes).graph
    known = _shapes(graph)
    weights = _weights(graph)
    layers = tuple(
        Layer(
            name=node.name or node.output[0],
            op=_op(node),
            shape=known.get(node.output[0]),
            macs=macs(node, known),
            parameters=sum(prod(dims) for dims in _used(node, weights).values()),
        )
        for node in graph.node
    )
    used = {name: dims for node in graph.node for name, dims in _used(node, weights).items()}
    return Anatomy(
        size=size,
        parameters=sum(prod(dims) for dims in used.values()),
        ops=dict(sorted(Counter(_op(node) for node in walk(graph.node)).items())),
        layers=layers,
    )


def _op(node: onnx.NodeProto) -> str:
    return node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"


def _external_bytes(model: onnx.ModelProto, folder: Path) -> int:
    """The size of the files beside the graph that hold its weights."""
    places = {
        entry.value
        for tensor in model.graph.initializer
        if tensor.data_location == onnx.TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
    files = [folder / place for place in places if "/" not in place]
    return sum(file.stat().st_size for file in files if file.is_file())


def _inferred(model: onnx.ModelProto, shapes: Shapes) -> onnx.ModelProto:
    """The model with functions unfolded and, as far as ONNX can tell, every tensor's shape."""
    if model.functions:
        model = inliner.inline_local_functions(model)
    del model.graph.value_info[:]  # they may speak of another batch
    for value in model.graph.input:
        if value.name in shapes:
            dimensions = value.type.tensor_type.shape.dim
            for dimension, size in zip(dimensions, shapes[value.name], strict=True):
                dimension.dim_value = size
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    return shape_inference.infer_shapes(model, data_prop=True)


def _shapes(graph: onnx.GraphProto) -> dict[str, tuple[int, ...]]:
    """Tensor -> shape, where all its sizes are known."""
    shapes: dict[str, tuple[int, ...]] = {t.name: tuple(t.dims) for t in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        tensor = value.type.tensor_type
        sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in tensor.shape.dim]
        if tensor.HasField("shape") and None not in sizes:
            shapes[value.name] = tuple(size for size in sizes if size is not None)
    return shapes


def _weights(graph: onnx.GraphProto) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Tensor -> (the constant that it carries, the constant's dims), for all that are weights.

    Weights are floats and bytes that stand for floats. Integers of other sizes are shapes and axes,
    except an int32 bias that is dequantised.
    """
    known = constants(graph)
    steps: set[str] = set()
    for node in graph.node:
        places = _STEPS.get(node.op_type, ())
        steps |= {node.input[i] for i in places if i < len(node.input)}
    weights = {
        name: (name, tuple(tensor.dims))
        for name, tensor in known.items()
        if tensor.dims and tensor.data_type in _FLOATS | _BYTES and name not in steps
    }
    for node in graph.node:
        if node.op_type in _CARRIERS and node.input[0] in known:
            tensor = known[node.input[0]]
            if node.op_type == "DequantizeLinear" and tensor.dims:
                weights[node.output[0]] = (node.input[0], tuple(tensor.dims))
        if node.op_type in _CARRIERS and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]]
    return weights


def _used(
    node: onnx.NodeProto, weights: dict[str, tuple[str, tuple[int, ...]]]
) -> dict[str, tuple[int, ...]]:
    """The constants that a node computes with, by name; a carrier only hands them on."""
    if node.op_type == "Constant" or (node.op_type in _CARRIERS and node.output[0] in weights):
        return {}
    return dict(weights[name] for name in node.input if name in weights)
