"""The graphs inside a graph: what the loops and branches of an ONNX model hold."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import onnx


def inner_graphs(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The bodies and branches of a node."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def walk(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """Each node, and behind it those in its bodies and branches, at any depth."""
    for node in nodes:
        yield node
        for graph in inner_graphs(node):
            yield from walk(graph.node)


def constants(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """The constant tensors of a graph by name, wherever exporters put them: in the list of those
    that are given first, or in nodes."""
    of_nodes = {
        node.output[0]: attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    return {tensor.name: tensor for tensor in graph.initializer} | of_nodes


@dataclass(frozen=True)
class Scope:
    """A graph with what its nodes see: its own and that of the graphs around it.

    owners: constant -> the graph that holds it. makers: tensor -> the node that computes it.
    """

    graph: onnx.GraphProto
    constants: Mapping[str, onnx.TensorProto]
    owners: Mapping[str, onnx.GraphProto]
    makers: Mapping[str, onnx.NodeProto]


def scopes(graph: onnx.GraphProto, outer: Scope | None = None) -> Iterator[Scope]:
    """The graph and all that its loops and branches hold, the outermost first."""
    hidden = {value.name for value in graph.input}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    owners = dict.fromkeys(constants, graph)
    makers = {name: node for node in graph.node for name in node.output}
    if outer is not None:
        seen = {n: tensor for n, tensor in outer.constants.items() if n not in hidden}
        constants, owners = seen | constants, {n: outer.owners[n] for n in seen} | owners
        makers = {n: node for n, node in outer.makers.items() if n not in hidden} | makers
    scope = Scope(graph, constants, owners, makers)
    yield scope
    for node in graph.node:
        for inner in inner_graphs(node):
            yield from scopes(inner, scope)


def rename_taken(nodes: Iterable[onnx.NodeProto], names: Mapping[str, str]) -> None:
    """Renames what nodes take, and what their bodies and branches take from outside, in place."""
    for node in nodes:
        for place, name in enumerate(node.input):
            node.input[place] = names.get(name, name)
        for inner in inner_graphs(node):
            own = {value.name for value in (*inner.input, *inner.initializer)}
            own |= {name for each in inner.node for name in each.output}
            rename_taken(inner.node, {old: new for old, new in names.items() if old not in own})


def rename(nodes: Iterable[onnx.NodeProto], names: Mapping[str, str]) -> None:
    """Renames what nodes make, and wherever it is taken, in place."""
    nodes = list(nodes)
    rename_taken(nodes, names)
    for node in nodes:
        for place, name in enumerate(node.output):
            node.output[place] = names.get(name, name)
