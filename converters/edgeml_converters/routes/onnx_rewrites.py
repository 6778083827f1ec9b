"""What exporters leave in a graph that is no ONNX, rewritten to what is; no framework needed."""

import numpy as np
import onnx
from onnx import helper, numpy_helper


def rewrite_erfc(graph: onnx.GraphProto) -> None:
    """Erfc, which tf2onnx leaves of an exact GELU and which is no ONNX op, becomes 1 - Erf."""
    erfc_nodes = [node for node in graph.node if node.op_type == "Erfc"]
    if not erfc_nodes:
        return
    one = "edgeml_one"
    graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), one))
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type != "Erfc":
            nodes.append(node)
            continue
        middle = f"{node.output[0]}_erf"
        nodes.append(helper.make_node("Erf", [node.input[0]], [middle], name=f"{node.name}_erf"))
        nodes.append(helper.make_node("Sub", [one, middle], [node.output[0]], name=node.name))
    del graph.node[:]
    graph.node.extend(nodes)
