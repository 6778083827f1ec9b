"""An ONNX graph in float16 made one in float32, which ONNX Runtime's quantisers ask for."""

from math import prod

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.formats.onnx_walk import inner_graphs, rename, rename_taken, walk

# Attributes that hold an element type.
_TYPES = ("dtype", "to", "output_dtype")


def widen(model: onnx.ModelProto) -> None:
    """In place, where most of its weights are float16; what it takes and answers keeps its type.

    A few layers in float16 beside others in float32 are of somebody's choice, and stay so.
    """
    graph = model.graph
    graphs = [graph, *(inner for node in walk(graph.node) for inner in inner_graphs(node))]
    sizes: dict[int, int] = {TensorProto.FLOAT16: 0, TensorProto.FLOAT: 0}
    for each in graphs:
        for tensor in each.initializer:
            if tensor.data_type in sizes:
                sizes[tensor.data_type] += prod(tensor.dims)
    if sizes[TensorProto.FLOAT16] <= sizes[TensorProto.FLOAT]:
        return
    edges = _half_edges(graph)
    for each in graphs:
        _widen(each)
    _cast_inputs(graph, edges)
    _cast_outputs(graph, edges)


def _is_half(value: onnx.ValueInfoProto) -> bool:
    return bool(value.type.tensor_type.elem_type == TensorProto.FLOAT16)


def _half_edges(graph: onnx.GraphProto) -> set[str]:
    return {value.name for value in (*graph.input, *graph.output) if _is_half(value)}


def _widen(graph: onnx.GraphProto) -> None:
    for tensor in graph.initializer:
        _widen_tensor(tensor)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                _widen_tensor(attribute.t)
            elif attribute.name in _TYPES and attribute.i == TensorProto.FLOAT16:
                attribute.i = TensorProto.FLOAT
    for value in (*graph.input, *graph.output):
        if _is_half(value):
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    del graph.value_info[:]


def _widen_tensor(tensor: onnx.TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT16:
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _cast_inputs(graph: onnx.GraphProto, edges: set[str]) -> None:
    """Inside, an input goes by another name behind its cast."""
    constants = {tensor.name for tensor in graph.initializer}
    given = [value for value in graph.input if value.name in edges - constants]
    names = {value.name: f"{value.name}_float32" for value in given}
    rename_taken(graph.node, names)
    for value in given:
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
        wide = names[value.name]
        cast = helper.make_node("Cast", [value.name], [wide], wide, to=TensorProto.FLOAT)
        graph.node.insert(0, cast)


def _cast_outputs(graph: onnx.GraphProto, edges: set[str]) -> None:
    """Inside, an answer goes by another name before its cast."""
    answers = [value for value in graph.output if value.name in edges]
    names = {value.name: f"{value.name}_float32" for value in answers}
    rename(graph.node, names)
    for value in answers:
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
        wide = names[value.name]
        graph.node.append(
            helper.make_node(
                "Cast", [wide], [value.name], f"{value.name}_float16", to=TensorProto.FLOAT16
            )
        )
