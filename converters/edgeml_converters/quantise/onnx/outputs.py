"""Needless rounding: of int8 activations that go only to float ops or out of the graph."""

from collections.abc import Collection, Iterable

import onnx

from edgeml_converters.formats.onnx_read import QUANTISED
from edgeml_converters.formats.onnx_walk import rename_taken

_BEFORE = "_QuantizeLinear_Input"  # how ONNX Runtime calls an answer before it is rounded
# Ops that ONNX Runtime computes in int8 with a float result (MatMulIntegerToFloat, QGemm), and
# the addition of a bias, which costs next to nothing in float.
_FLOAT_RESULT = ("Add", "Gemm", "MatMul")


def drop_needless_rounding(
    graph: onnx.GraphProto,
    float_graph: onnx.GraphProto,
    int8_ops: frozenset[str],
    kept: Collection[str] = (),
) -> None:
    """Removes QuantizeLinear and DequantizeLinear behind a layer whose result is used in float.

    Without it an output is not clipped to the range that calibration saw either; one that goes on
    in int8 as well, as a state may, is given out before it is rounded.
    float_graph: what `graph` was made of. int8_ops: ops that are computed in int8 and so need their
    inputs rounded. kept: nodes that stay float.
    """
    made = {node.name: list(node.output) for node in float_graph.node}
    outputs = {value.name for value in graph.output}
    makers = {name: node for node in graph.node for name in node.output}
    takers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            takers.setdefault(name, []).append(node)
    dropped: set[str] = set()
    for dequantize in graph.node:
        quantize = (
            makers.get(dequantize.input[0]) if dequantize.op_type == "DequantizeLinear" else None
        )
        if (
            quantize is None
            or quantize.op_type != "QuantizeLinear"
            or quantize.output[0] in outputs
        ):
            continue
        layer = makers.get(quantize.input[0])
        if layer is None or not (layer.op_type in _FLOAT_RESULT or layer.name in kept):
            continue
        # ONNX Runtime takes out a Relu or Clip: the rounding clips as it does.
        if layer.output[0].removesuffix(_BEFORE) not in made.get(layer.name, ()):
            continue
        sole_takers = len(takers[quantize.input[0]]) == len(takers[quantize.output[0]]) == 1
        needed = any(taker.op_type in int8_ops for taker in takers.get(dequantize.output[0], ()))
        if sole_takers and not needed and quantize.input[0] not in outputs:
            dropped |= {quantize.name, dequantize.name}
            if dequantize.output[0] in outputs:
                layer.output[0] = dequantize.output[0]
                continue
            for taker in takers[dequantize.output[0]]:
                places = [n for n, name in enumerate(taker.input) if name == dequantize.output[0]]
                for place in places:
                    taker.input[place] = layer.output[0]
        elif sole_takers and dequantize.output[0] in outputs and len(layer.output) == 1:
            _give_out(layer, quantize, dequantize, takers[dequantize.output[0]])
    remaining = [node for node in graph.node if node.name not in dropped]
    del graph.node[:]
    graph.node.extend(remaining)


def hand_on_inputs(
    graph: onnx.GraphProto, float_graph: onnx.GraphProto, kept: Collection[str] = ()
) -> None:
    """Gives an input out as it came where the float model does, and not as it was rounded; so do
    the nodes in `kept`, which stay float, take it."""
    inputs, outputs = (
        {value.name for value in of} for of in (float_graph.input, float_graph.output)
    )
    handed = {
        node.output[0]: node.input[0]
        for node in float_graph.node
        if node.op_type == "Identity" and node.input[0] in inputs and node.output[0] in outputs
    }
    makers = {name: node for node in graph.node for name in node.output}
    rounded: dict[str, str] = {}
    for node in graph.node:
        if node.op_type == "DequantizeLinear":
            quantize = makers.get(node.input[0])
            if quantize is not None and quantize.input[0] in inputs:
                rounded[node.output[0]] = quantize.input[0]
    rename_taken([node for node in graph.node if node.name in kept], rounded)
    for node in graph.node:
        name = node.output[0] if node.output else ""
        if name in handed:
            node.CopyFrom(onnx.helper.make_node("Identity", [handed[name]], [name], node.name))


def _give_out(
    layer: onnx.NodeProto,
    quantize: onnx.NodeProto,
    dequantize: onnx.NodeProto,
    takers: Iterable[onnx.NodeProto],
) -> None:
    """The layer's result under the output's name, and the rounded one under another."""
    name = dequantize.output[0]
    rounded = f"{name}{QUANTISED}"
    rename_taken(takers, {name: rounded})
    layer.output[0] = quantize.input[0] = name
    dequantize.output[0] = rounded
