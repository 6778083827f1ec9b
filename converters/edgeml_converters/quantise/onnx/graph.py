"""Where the weights of an ONNX graph are, and what all precisions do to a graph alike."""

from collections.abc import Callable, Iterator
from graphlib import TopologicalSorter

import onnx
from onnx import TensorProto

from edgeml_converters.formats.layers import ONNX_WEIGHTS
from edgeml_converters.formats.onnx_walk import Scope, inner_graphs, scopes
from edgeml_converters.quantise.onnx.floats import in_float32

# Ops that hand on a weight without computing with it.
_PASS_ON = (
    "Cast",
    "DequantizeLinear",
    "Identity",
    "Mul",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Unsqueeze",
)
_KINDS = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.INT8, TensorProto.UINT8)
_MATRIX = 2  # axes
_IR_VERSION = 8  # of opsets 15 to 18; from 4 on constants need not be inputs
PER_CHANNEL_OPSET = 13  # DequantizeLinear has an axis from here on


def sort_nodes(model: onnx.ModelProto) -> None:
    """Sorts nodes in place, each behind those whose results it takes, as ONNX demands.

    What the graphs inside a node take counts too; ONNX Runtime's own sort overlooks it.
    """
    for scope in scopes(model.graph):
        nodes = list(scope.graph.node)
        makers = {name: n for n, node in enumerate(nodes) for name in node.output}
        needs = {
            n: sorted({makers[name] for name in taken(node) if name in makers} - {n})
            for n, node in enumerate(nodes)
        }
        order = [nodes[n] for n in TopologicalSorter(needs).static_order()]
        del scope.graph.node[:]
        scope.graph.node.extend(order)


def taken(node: onnx.NodeProto) -> Iterator[str]:
    """What a node takes, in its bodies and branches too."""
    yield from node.input
    for graph in inner_graphs(node):
        for value in graph.output:
            yield value.name
        for inside in graph.node:
            yield from taken(inside)


def weights(model: onnx.ModelProto) -> list[onnx.TensorProto]:
    """Every constant of rank 2 or more that a layer takes as its weights, once."""
    tensors: dict[int, onnx.TensorProto] = {}
    for scope in scopes(model.graph):
        for node in scope.graph.node:
            for position in ONNX_WEIGHTS.get(node.op_type, ()):
                if position >= len(node.input):
                    continue
                tensor = _constant(node.input[position], scope)
                if tensor is not None and len(tensor.dims) > 1 and tensor.data_type in _KINDS:
                    tensors[id(tensor)] = tensor
    return list(tensors.values())


def _constant(name: str, scope: Scope) -> onnx.TensorProto | None:
    """The constant behind a tensor, through ops that only hand it on or scale it."""
    while name not in scope.constants:
        maker = scope.makers.get(name)
        if maker is None or maker.op_type not in _PASS_ON:
            return None
        if maker.op_type == "Mul" and maker.input[1] not in scope.constants:
            return None
        name = maker.input[0]
    return scope.constants[name]


def load(path: str, *, half: bool = False) -> onnx.ModelProto:
    """The float model made ready to quantise: every node named, constants as initialisers and not
    as inputs besides, an opset that has per-channel weights, float32 inside.

    half: leaves float16 as it is. A node without a name gets that of its first output, which is how
    `keep_float` may name any.
    """
    model = onnx.load(path)
    _hide_constants(model)
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    if opset < PER_CHANNEL_OPSET:
        model = onnx.version_converter.convert_version(model, PER_CHANNEL_OPSET)
    for scope in scopes(model.graph):
        _lift_constants(scope.graph)
        for node in scope.graph.node:
            node.name = node.name or node.output[0]
    in_float32(model, half=half)
    return model


def drop_unused(model: onnx.ModelProto) -> None:
    """Removes the constants that nothing takes any more."""
    all_scopes = list(scopes(model.graph))
    used = {name for scope in all_scopes for node in scope.graph.node for name in node.input}
    used |= {value.name for scope in all_scopes for value in scope.graph.output}
    for scope in all_scopes:
        remaining = [tensor for tensor in scope.graph.initializer if tensor.name in used]
        del scope.graph.initializer[:]
        scope.graph.initializer.extend(remaining)


def half_nodes(model: onnx.ModelProto) -> set[str]:
    """The names of the nodes that take a constant in float16, for which quantisers have no way."""
    return _taking(model, lambda _, constant: constant.data_type == TensorProto.FLOAT16)


def batched_nodes(model: onnx.ModelProto) -> set[str]:
    """The names of the matrix products with more than one matrix of weights: ONNX Runtime's integer
    kernels refuse a scale for each channel there when the file runs."""
    return _taking(
        model, lambda node, constant: node.op_type == "MatMul" and len(constant.dims) > _MATRIX
    )


def _taking(
    model: onnx.ModelProto, asked: Callable[[onnx.NodeProto, onnx.TensorProto], bool]
) -> set[str]:
    """The names of the nodes that take a constant of that kind, in loops and branches too."""
    return {
        node.name
        for scope in scopes(model.graph)
        for node in scope.graph.node
        if any(asked(node, scope.constants[n]) for n in node.input if n in scope.constants)
    }


def _hide_constants(model: onnx.ModelProto) -> None:
    """Removes weights from the inputs, where models before IR version 4 list them: as inputs they
    are no constants to the tools, and keep their type and shape when they are stored as int8."""
    constants = {tensor.name for tensor in model.graph.initializer}
    given = [value for value in model.graph.input if value.name not in constants]
    if len(given) < len(model.graph.input):
        del model.graph.input[:]
        model.graph.input.extend(given)
        model.ir_version = max(model.ir_version, _IR_VERSION)


def _lift_constants(graph: onnx.GraphProto) -> None:
    """Turns Constant nodes with a tensor into initialisers, where quantisers look for weights."""
    others: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensor = graph.initializer.add()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
        else:
            others.append(node)
    del graph.node[:]
    graph.node.extend(others)


def kept_nodes(model: onnx.ModelProto, keep_float: tuple[str, ...]) -> set[str]:
    """The names of the nodes that `keep_float` means, by their own name or that of an output."""
    names = set(keep_float)
    return {
        node.name
        for scope in scopes(model.graph)
        for node in scope.graph.node
        if names & {node.name, *node.output}
    }
