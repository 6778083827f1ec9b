"""Weights that a loop carries through its state unchanged, as tf2onnx leaves them of Keras' GRU.

The quantisers see no constant there, would leave it in float and say nothing. Taken from outside
the loop instead, the same weights are constants like any others.
"""

import onnx

from edgeml_converters.formats.onnx_walk import scopes

_NO_STATE = 2  # a body's first inputs: the iteration and the condition


def free_carried_weights(model: onnx.ModelProto) -> None:
    """Constants leave the state of every Loop whose body hands them on as they are, in place."""
    for scope in scopes(model.graph):
        for node in scope.graph.node:
            if node.op_type == "Loop":
                _free(scope.graph, node, set(scope.constants))


def _free(graph: onnx.GraphProto, loop: onnx.NodeProto, constants: set[str]) -> None:
    body = next(attribute.g for attribute in loop.attribute if attribute.name == "body")
    for position in reversed(range(_NO_STATE, len(loop.input))):
        outside = loop.input[position]
        carried, result = body.input[position].name, body.output[position - 1].name
        if outside not in constants or _origin(body, result) != carried:
            continue
        _rename(body, carried, outside)
        after = loop.output[position - _NO_STATE]
        _rename(graph, after, outside)
        if after in {value.name for value in graph.output}:
            graph.node.append(onnx.helper.make_node("Identity", [outside], [after], name=after))
        del loop.input[position], loop.output[position - _NO_STATE]
        del body.input[position], body.output[position - 1]
        _drop_handing_on(body, result)


def _origin(body: onnx.GraphProto, name: str) -> str:
    """The tensor that is handed on under this name."""
    makers = {output: node for node in body.node for output in node.output}
    while name in makers and makers[name].op_type == "Identity":
        name = makers[name].input[0]
    return name


def _drop_handing_on(body: onnx.GraphProto, name: str) -> None:
    """Removes the nodes that only handed on what is no result of the body any more."""
    taken = {other for node in body.node for other in node.input}
    taken |= {value.name for value in body.output}
    for node in list(body.node):
        if node.op_type == "Identity" and node.output[0] == name and name not in taken:
            body.node.remove(node)
            _drop_handing_on(body, node.input[0])


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    """Every node that takes `old` takes `new`, in the graph and in those inside it."""
    for scope in scopes(graph):
        for node in scope.graph.node:
            for position, name in enumerate(node.input):
                if name == old:
                    node.input[position] = new
