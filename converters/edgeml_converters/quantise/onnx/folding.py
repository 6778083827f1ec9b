"""Weights that nodes cut, join or turn before a layer takes them, as torch's exporter does with the
gates of an LSTM whose weights are too large for it to do so itself.

The quantisers see no constant there and leave it in float without a word.
"""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from edgeml_converters.formats.onnx_walk import MOVES, scopes
from edgeml_converters.quantise.onnx.graph import drop_unused


def fold_moved_weights(model: onnx.ModelProto) -> None:
    """Puts what such nodes make of constants in their place, and drops what nothing takes then."""
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    for scope in scopes(model.graph):
        _fold(scope.graph, opset)
    drop_unused(model)


def _fold(graph: onnx.GraphProto, opset: int) -> None:
    constants = {tensor.name: tensor for tensor in graph.initializer}
    outputs = {value.name for value in graph.output}
    remaining: list[onnx.NodeProto] = []
    for node in graph.node:
        taken = [name for name in node.input if name]
        moved = node.op_type in MOVES and node.domain in ("", "ai.onnx")
        if not moved or outputs & set(node.output) or not constants.keys() >= set(taken):
            remaining.append(node)
            continue
        if not any(len(constants[name].dims) > 1 for name in taken):
            remaining.append(node)  # shapes and the like, which are no weights
            continue
        for tensor in _made(node, [constants[name] for name in taken], opset):
            constants[tensor.name] = tensor
            graph.initializer.append(tensor)
    del graph.node[:]
    graph.node.extend(remaining)


def _made(
    node: onnx.NodeProto, taken: list[onnx.TensorProto], opset: int
) -> Iterator[onnx.TensorProto]:
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in taken}
    graph = helper.make_graph(
        [node],
        "folded",
        [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in taken],
        [helper.make_empty_tensor_value_info(name) for name in node.output],
    )
    alone = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    found = ReferenceEvaluator(alone).run(None, values)
    for name, value in zip(node.output, found, strict=True):
        yield numpy_helper.from_array(np.ascontiguousarray(value), name)
