"""Weights that nodes cut, join or turn before a layer takes them, as torch's exporter does with the
gates of an LSTM whose weights are too large for it to do so itself.

The quantisers see no constant there and leave it in float without a word.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from edgeml_converters.formats.moves import ONNX_MOVES
from edgeml_converters.formats.onnx_walk import scopes
from edgeml_converters.quantise.onnx.graph import drop_unused, taken

_TURNS = ("Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")  # of all that they are given


def fold_moved_weights(model: onnx.ModelProto, kept: Container[str] | None = ()) -> None:
    """Puts what such nodes make of constants in their place, and drops what nothing takes then.

    kept: nodes that stay float; None for all. What is turned for those alone, and taken elsewhere
    as it is, as a table of words by the last layer, is left: its numbers would be there twice.
    """
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    takers: dict[str, list[onnx.NodeProto]] = {}
    for scope in scopes(model.graph):
        for node in scope.graph.node:
            for name in taken(node):
                takers.setdefault(name, []).append(node)
    for scope in scopes(model.graph):
        _fold(scope.graph, opset, _Turned(takers, kept))
    drop_unused(model)


@dataclass(frozen=True)
class _Turned:
    """takers: of each tensor. kept: see `fold_moved_weights`."""

    takers: Mapping[str, Sequence[onnx.NodeProto]]
    kept: Container[str] | None

    def stays(self, node: onnx.NodeProto, weight: str) -> bool:
        """Whether the node turns a weight that others take too, for what stays float alone."""
        return len(self.takers.get(weight, ())) > 1 and self._in_float(node)

    def _in_float(self, node: onnx.NodeProto) -> bool:
        return node.op_type in _TURNS and all(
            self.kept is None or taker.name in self.kept or self._in_float(taker)
            for name in node.output
            for taker in self.takers.get(name, ())
        )


def _fold(graph: onnx.GraphProto, opset: int, turned: _Turned) -> None:
    constants = {tensor.name: tensor for tensor in graph.initializer}
    outputs = {value.name for value in graph.output}
    remaining: list[onnx.NodeProto] = []
    for node in graph.node:
        given = [name for name in node.input if name]
        moved = node.op_type in ONNX_MOVES and node.domain in ("", "ai.onnx")
        if not moved or outputs & set(node.output) or not constants.keys() >= set(given):
            remaining.append(node)
            continue
        weights = [name for name in given if len(constants[name].dims) > 1]
        if not weights or turned.stays(node, weights[0]):  # without: shapes and the like
            remaining.append(node)
            continue
        for tensor in _made(node, [constants[name] for name in given], opset):
            constants[tensor.name] = tensor
            graph.initializer.append(tensor)
    del graph.node[:]
    graph.node.extend(remaining)


def _made(
    node: onnx.NodeProto, given: list[onnx.TensorProto], opset: int
) -> Iterator[onnx.TensorProto]:
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in given}
    graph = helper.make_graph(
        [node],
        "folded",
        [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in given],
        [helper.make_empty_tensor_value_info(name) for name in node.output],
    )
    alone = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    found = ReferenceEvaluator(alone).run(None, values)
    for name, value in zip(node.output, found, strict=True):
        yield numpy_helper.from_array(np.ascontiguousarray(value), name)
