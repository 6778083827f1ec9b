"""What the integers at the inputs and outputs of an .onnx file stand for."""

import onnx
from onnx import TensorProto, numpy_helper
from onnx.external_data_helper import uses_external_data

from edgeml.quantisation import Quantisation
from edgeml_converters.formats.onnx_walk import constants

_OPERATORS = ("QLinear", "QGemm")
_INTEGERS = (TensorProto.INT8, TensorProto.UINT8, TensorProto.INT16, TensorProto.UINT16)


def edges(graph: onnx.GraphProto) -> dict[str, Quantisation]:
    """By name: of the inputs that the graph turns into floats at once, and the outputs that it
    rounds last, with one scale for the whole tensor."""
    found: dict[str, Quantisation] = {}
    for value in graph.input:
        kind = value.type.tensor_type.elem_type
        takers = [node for node in graph.node if value.name in node.input]
        if kind not in _INTEGERS or not all(map(_is_quantised, takers)):
            continue
        means = {
            scalar_quantisation(graph, node, kind, list(node.input).index(value.name) + 1)
            for node in takers
        }
        if len(means) == 1 and (one := means.pop()) is not None:
            found[value.name] = one
    makers = {name: node for node in graph.node for name in node.output}
    for value in graph.output:
        maker, kind = makers.get(value.name), value.type.tensor_type.elem_type
        if kind in _INTEGERS and maker is not None and _rounds(maker):
            one = scalar_quantisation(graph, maker, kind, _of_answer(maker))
            if one is not None:
                found[value.name] = one
    return found


def _is_quantised(node: onnx.NodeProto) -> bool:
    """Whether it takes integers beside what they stand for, as ONNX Runtime's QLinear operators."""
    kind: str = node.op_type
    return kind == "DequantizeLinear" or kind.startswith(_OPERATORS)


def _rounds(node: onnx.NodeProto) -> bool:
    kind: str = node.op_type
    return kind == "QuantizeLinear" or kind.startswith(_OPERATORS)


def _of_answer(node: onnx.NodeProto) -> int:
    """Where the scale of what it answers stands among its inputs."""
    if node.op_type == "QuantizeLinear":
        return 1
    return 6 if node.op_type == "QLinearConv" else len(node.input) - 2


def scalar_quantisation(
    graph: onnx.GraphProto, node: onnx.NodeProto, kind: int, place: int = 1
) -> Quantisation | None:
    """What a node says of integers of that type, its scale at `place` of its inputs and the zero
    point behind it; None where it is another type, or has more scales than one, or computes
    them."""
    known = constants(graph)
    named = [known.get(name) for name in node.input[place : place + 2]]
    if not named or any(tensor is None or uses_external_data(tensor) for tensor in named):
        return None
    scale, *zero = [numpy_helper.to_array(tensor) for tensor in named if tensor is not None]
    typed = named[1].data_type if len(named) > 1 and named[1] is not None else TensorProto.UINT8
    if scale.size != 1 or typed != kind:
        return None
    return Quantisation(scale=float(scale.item()), zero_point=int(zero[0].item()) if zero else 0)
