"""An ONNX graph in float16 or float64 made one in float32, which quantisers ask for."""

from math import prod

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.formats.onnx_walk import inner_graphs, rename, rename_taken, walk

# Attributes that hold an element type.
_TYPES = ("dtype", "to", "output_dtype")


def in_float32(model: onnx.ModelProto, *, half: bool = False) -> None:
    """In place; what it takes and answers keeps its type.

    float64 always, float16 where most of the weights are: a few layers in float16 beside others in
    float32 are of somebody's choice, and stay so. half: float16 stays in any case.
    """
    graph = model.graph
    graphs = [graph, *(inner for node in walk(graph.node) for inner in inner_graphs(node))]
    sizes: dict[int, int] = {}
    for each in graphs:
        for tensor in each.initializer:
            kind = tensor.data_type
            sizes[kind] = sizes.get(kind, 0) + prod(tensor.dims)
    kinds: set[int] = {TensorProto.DOUBLE}
    if not half and sizes.get(TensorProto.FLOAT16, 0) > sizes.get(TensorProto.FLOAT, 0):
        kinds.add(TensorProto.FLOAT16)
    edges = {
        value.name: value.type.tensor_type.elem_type
        for value in (*graph.input, *graph.output)
        if value.type.tensor_type.elem_type in kinds
    }
    if not (edges or kinds & sizes.keys() or _casts_to(graphs, kinds)):
        return
    for each in graphs:
        _change(each, kinds)
    _cast_inputs(graph, edges)
    _cast_outputs(graph, edges)


def _casts_to(graphs: list[onnx.GraphProto], kinds: set[int]) -> bool:
    attributes = (one for graph in graphs for node in graph.node for one in node.attribute)
    return any(one.name in _TYPES and one.i in kinds for one in attributes)


def _change(graph: onnx.GraphProto, kinds: set[int]) -> None:
    for tensor in graph.initializer:
        _change_tensor(tensor, kinds)
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                _change_tensor(attribute.t, kinds)
            elif attribute.name in _TYPES and attribute.i in kinds:
                attribute.i = TensorProto.FLOAT
    for value in (*graph.input, *graph.output):
        if value.type.tensor_type.elem_type in kinds:
            value.type.tensor_type.elem_type = TensorProto.FLOAT
    del graph.value_info[:]


def _change_tensor(tensor: onnx.TensorProto, kinds: set[int]) -> None:
    if tensor.data_type in kinds:
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _cast_inputs(graph: onnx.GraphProto, edges: dict[str, int]) -> None:
    """Inside, an input goes by another name behind its cast."""
    constants = {tensor.name for tensor in graph.initializer}
    given = [value for value in graph.input if value.name in edges.keys() - constants]
    names = {value.name: f"{value.name}_float32" for value in given}
    rename_taken(graph.node, names)
    for value in given:
        value.type.tensor_type.elem_type = edges[value.name]
        wide = names[value.name]
        cast = helper.make_node("Cast", [value.name], [wide], wide, to=TensorProto.FLOAT)
        graph.node.insert(0, cast)


def _cast_outputs(graph: onnx.GraphProto, edges: dict[str, int]) -> None:
    """Inside, an answer goes by another name before its cast."""
    answers = [value for value in graph.output if value.name in edges]
    names = {value.name: f"{value.name}_float32" for value in answers}
    rename(graph.node, names)
    for value in answers:
        own = edges[value.name]
        value.type.tensor_type.elem_type = own
        name = f"{value.name}_{'float64' if own == TensorProto.DOUBLE else 'float16'}"
        graph.node.append(helper.make_node("Cast", [names[value.name]], [value.name], name, to=own))
