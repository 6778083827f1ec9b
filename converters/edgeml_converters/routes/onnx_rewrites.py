"""What exporters leave in a graph, rewritten: what is no ONNX, and what is of one process only."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from edgeml_converters.formats.onnx_walk import inner_graphs, walk

# The address of an object in a name, as tf2onnx writes it when it takes an Einsum apart.
_ADDRESS = re.compile(r"\b(?P<before>einsum|OPT\w+?_)(?P<address>\d{9,})")


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


def round_constants(graph: onnx.GraphProto) -> None:
    """Constants that a QuantizeLinear rounds are stored as its integers, as those of a model that
    rounds its weights while it is trained."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in list(graph.node):
        if node.op_type == "QuantizeLinear" and all(name in constants for name in node.input):
            feeds = {name: numpy_helper.to_array(constants[name]) for name in node.input}
            (rounded,) = ReferenceEvaluator(node).run(None, feeds)
            integers: Any = np.asarray(rounded)
            graph.initializer.append(numpy_helper.from_array(integers, node.output[0]))
            graph.node.remove(node)
    taken = {name for node in walk(graph.node) for name in node.input}
    taken |= {value.name for value in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in taken]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def give_values(graph: onnx.GraphProto, captured: Mapping[str, Any]) -> None:
    """Makes constants of inputs that are values which a function captured: tf2onnx takes those for
    its arguments, even where it has folded all that read them.

    captured: TensorFlow's tensors by the names of inputs; others in it are left alone.
    """
    read = set(_taken(graph))
    for value in list(graph.input):
        if value.name in captured:
            graph.input.remove(value)
            if value.name in read:
                array = captured[value.name].numpy()
                graph.initializer.append(numpy_helper.from_array(array, value.name))


def number_addresses(graph: onnx.GraphProto) -> None:
    """Names that hold an address hold a number instead, in the order of the nodes: else one model
    gives another file in each process. A graph without such names stays as it is."""
    numbers: dict[str, int] = {}

    def numbered(match: re.Match[str]) -> str:
        return match["before"] + str(numbers.setdefault(match["address"], len(numbers)))

    def renamed(name: str) -> str:
        return _ADDRESS.sub(numbered, name)

    graphs = [graph]
    for node in walk(graph.node):
        graphs += inner_graphs(node)
        node.name = renamed(node.name)
        node.input[:] = [renamed(name) for name in node.input]
        node.output[:] = [renamed(name) for name in node.output]
    if not numbers:
        return
    for each in graphs:
        for value in (*each.initializer, *each.input, *each.output):
            value.name = renamed(value.name)
        _sort_constants(each)


def _sort_constants(graph: onnx.GraphProto) -> None:
    """In the order in which the nodes take them: tf2onnx orders them by sets of names."""
    taken = {name: place for place, name in reversed([*enumerate(_taken(graph))])}
    constants = sorted(graph.initializer, key=lambda tensor: taken.get(tensor.name, len(taken)))
    copies = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in constants]
    del graph.initializer[:]
    graph.initializer.extend(copies)


def _taken(graph: onnx.GraphProto) -> list[str]:
    return [name for node in walk(graph.node) for name in node.input]
