"""Inputs and outputs of a quantised ONNX graph as integers, where they are float."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgeml.quantisation import Quantisation
from edgeml_converters.asked import Io
from edgeml_converters.formats.onnx_edges import scalar_quantisation
from edgeml_converters.formats.onnx_walk import rename_taken
from edgeml_converters.formats.tensors import Ranges
from edgeml_converters.quantise.edges import as_type, check_width, of_int8
from edgeml_converters.quantise.onnx.graph import taken

_TYPES = {"int8": TensorProto.INT8, "uint8": TensorProto.UINT8}
_ROUND, _RESTORE = "QuantizeLinear", "DequantizeLinear"


def set_integer_edges(model: onnx.ModelProto, io: Io, ranges: Ranges) -> None:
    """Makes every float input and output `io`, in place; the nodes are not in order after it.

    Where the graph rounds an input to int8 at once, or an answer was int8, it stays the same
    without that step; else one is put in. Raises ConversionError for a tensor without a range.
    """
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    for value in graph.input:
        if value.name not in constants and _is_float(value):
            _take(graph, value, io, ranges)
    inputs = {value.name for value in graph.input}
    for value in graph.output:
        if value.name not in inputs and _is_float(value):
            _give(graph, value, io, ranges)


def _is_float(value: onnx.ValueInfoProto) -> bool:
    kind = value.type.tensor_type.elem_type
    check_width(value.name, helper.tensor_dtype_to_np_dtype(kind).name)
    return bool(kind == TensorProto.FLOAT)


def _take(graph: onnx.GraphProto, value: onnx.ValueInfoProto, io: Io, ranges: Ranges) -> None:
    name = value.name
    rounding = [n for n in graph.node if n.op_type == _ROUND and n.input[0] == name]
    known = [(node, scalar_quantisation(graph, node, TensorProto.INT8)) for node in rounding]
    found = [means for _, means in known if means is not None]
    means = found[0] if found else of_int8(name, ranges, answer=False)
    value.type.tensor_type.elem_type = _TYPES[io]
    same = [node for node, its in known if io == "int8" and its == means]
    for node in same:
        graph.node.remove(node)
    others = list(graph.node)
    real = f"{name}_real"
    if any(name in taken(node) for node in others):
        rename_taken(others, {name: real})
        graph.node.append(_node(graph, _RESTORE, name, real, as_type(means, io), io))
    rename_taken(graph.node, {node.output[0]: name for node in same})


def _give(graph: onnx.GraphProto, value: onnx.ValueInfoProto, io: Io, ranges: Ranges) -> None:
    name = value.name
    makers = {output: node for node in graph.node for output in node.output}
    maker = makers.get(name)
    if maker is None:
        return  # a constant, which no device needs to be told in integers
    value.type.tensor_type.elem_type = _TYPES[io]
    real = f"{name}_real"
    rounding = makers.get(maker.input[0]) if maker.op_type == _RESTORE else None
    means = None
    if rounding is not None and rounding.op_type == _ROUND:
        means = scalar_quantisation(graph, rounding, TensorProto.INT8)
    outputs = {value.name for value in graph.output}
    if io == "int8" and means is not None and maker.input[0] not in outputs:
        assert rounding is not None
        rename_taken(graph.node, {name: real, maker.input[0]: name})
        rounding.output[0] = name
        maker.output[0] = real
        if not any(real in taken(node) for node in graph.node):
            graph.node.remove(maker)
        return
    means = means or of_int8(name, ranges, answer=True)
    rename_taken(graph.node, {name: real})
    maker.output[list(maker.output).index(name)] = real
    graph.node.append(_node(graph, _ROUND, real, name, as_type(means, io), io))


def _node(
    graph: onnx.GraphProto, kind: str, source: str, made: str, means: Quantisation, io: Io
) -> onnx.NodeProto:
    own = f"{made}_edge"  # ONNX Runtime calls what is of a tensor by its name alone
    scale, zero_point = f"{own}_scale", f"{own}_zero_point"
    graph.initializer.extend(
        (
            numpy_helper.from_array(np.array(means.scale, np.float32), scale),
            numpy_helper.from_array(np.array(means.zero_point, io), zero_point),
        )
    )
    return helper.make_node(kind, [source, scale, zero_point], [made], name=f"{own}_{kind}")
