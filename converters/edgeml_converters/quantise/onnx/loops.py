"""Weights that a loop carries through its state unchanged, as in Keras' GRU after tf2onnx.

The quantisers see no constant there and leave it in float without a word. Taken from outside the
loop instead, the same weights are constants like any others.
"""

import onnx

from edgeml_converters.formats.onnx_walk import scopes

_NO_STATE = 2  # a body's first inputs: the iteration and the condition


def free_carried_weights(model: onnx.ModelProto) -> None:
    """Takes constants that bodies hand on unchanged out of the state of every Loop, in place."""
    for scope in scopes(model.graph):
        for node in scope.graph.node:
            if node.op_type == "Loop":
                _free_loop(scope.graph, node, set(scope.constants))


def _free_loop(graph: onnx.GraphProto, loop: onnx.NodeProto, constants: set[str]) -> None:
    body = next(attribute.g for attribute in loop.attribute if attribute.name == "body")
    for position in reversed(range(_NO_STATE, len(loop.input))):
        outside = loop.input[position]
        carried, result = body.input[position].name, body.output[position - 1].name
        if outside not in constants or _origin(body, result) != carried:
            continue
        _rename(body, carried, outside)
        output = loop.output[position - _NO_STATE]
        _rename(graph, output, outside)
        if output in {value.name for value in graph.output}:
            graph.node.append(onnx.helper.make_node("Identity", [outside], [output], name=output))
        del loop.input[position], loop.output[position - _NO_STATE]
        del body.input[position], body.output[position - 1]
        _drop_identities(body, result)


def _origin(body: onnx.GraphProto, name: str) -> str:
    """The tensor that is handed on under this name."""
    makers = {output: node for node in body.node for output in node.output}
    while name in makers and makers[name].op_type == "Identity":
        name = makers[name].input[0]
    return name


def _drop_identities(body: onnx.GraphProto, name: str) -> None:
    """Removes the Identity nodes that lead to `name`, which is no result of the body any more."""
    taken = {other for node in body.node for other in node.input}
    taken |= {value.name for value in body.output}
    for node in list(body.node):
        if node.op_type == "Identity" and node.output[0] == name and name not in taken:
            body.node.remove(node)
            _drop_identities(body, node.input[0])


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Every node that takes `old` takes `new`, in the graph and in those inside it."""
    for scope in scopes(graph):
        for node in scope.graph.node:
            for position, name in enumerate(node.input):
                if name == old:
                    node.input[position] = new
