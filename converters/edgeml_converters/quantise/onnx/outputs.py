"""Rounding that nobody needs: int8 activations that go to float ops or out of the graph only."""

import onnx

# Ops that ONNX Runtime computes in int8 with a float result (MatMulIntegerToFloat, QGemm), and
# the addition of a bias, which costs next to nothing in float.
_FLOAT_RESULT = ("Add", "Gemm", "MatMul")


def drop_needless_rounding(graph: onnx.GraphProto, int8_ops: frozenset[str]) -> None:
    """Removes QuantizeLinear and DequantizeLinear behind a layer whose result is used in float.

    An answer that is not rounded is not clipped to the range that calibration saw either.
    int8_ops: what is computed in int8, so that it does need its input rounded.
    """
    outputs = {value.name for value in graph.output}
    makers = {name: node for node in graph.node for name in node.output}
    takers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            takers.setdefault(name, []).append(node)
    dropped: set[str] = set()
    for last in graph.node:
        first = makers.get(last.input[0]) if last.op_type == "DequantizeLinear" else None
        if first is None or first.op_type != "QuantizeLinear" or first.output[0] in outputs:
            continue
        layer = makers.get(first.input[0])
        if layer is None or layer.op_type not in _FLOAT_RESULT:
            continue
        alone = len(takers[first.input[0]]) == len(takers[first.output[0]]) == 1
        needed = any(taker.op_type in int8_ops for taker in takers.get(last.output[0], ()))
        if alone and not needed and first.input[0] not in outputs:
            dropped |= {first.name, last.name}
            if last.output[0] in outputs:
                layer.output[0] = last.output[0]
                continue
            for taker in takers[last.output[0]]:
                places = [n for n, name in enumerate(taker.input) if name == last.output[0]]
                for place in places:
                    taker.input[place] = layer.output[0]
    left = [node for node in graph.node if node.name not in dropped]
    del graph.node[:]
    graph.node.extend(left)
