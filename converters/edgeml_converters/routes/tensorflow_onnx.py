"""Keras and SavedModel to ONNX by tf2onnx."""

from pathlib import Path

import numpy as np
import onnx
import tf2onnx
from onnx import helper, numpy_helper

from edgeml_converters.frameworks.base import Arrays
from edgeml_converters.frameworks.tensorflow_model import TensorflowModel
from edgeml_converters.messages import Converted
from edgeml_converters.routes import onnx_file

OPSET = 17


def by_tf2onnx(
    model: TensorflowModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    function, specs = model.function(arrays, model.batch)
    proto, _ = tf2onnx.convert.from_function(function, input_signature=specs, opset=OPSET)
    rewrite_erfc(proto.graph)
    return onnx_file.write(proto, folder)


def rewrite_erfc(graph: onnx.GraphProto) -> None:
    """Erfc, which tf2onnx leaves of an exact GELU and which is no ONNX op, becomes 1 - Erf."""
    found = [node for node in graph.node if node.op_type == "Erfc"]
    if not found:
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
