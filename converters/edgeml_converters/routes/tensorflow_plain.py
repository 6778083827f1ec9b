"""A TensorFlow function whose operators ONNX and TFLite have, in place of one with others.

That is done in the graph, since the functions of a SavedModel are traced already.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from edgeml_converters.routes.tensorflow_inlining import compiled_functions_inlined
from edgeml_converters.routes.tensorflow_operators import ON_TEXT, WRITTEN, Writer, refuse_text

_ANSWER = "answer"


def plain(function: Any, specs: Sequence[Any], writers: Mapping[str, Writer] = WRITTEN) -> Any:
    """`function` as it is where nothing in it is to be rewritten; else the same with its variables
    as constants.

    function: a tf.function of arguments by position, that answers a dict; specs: its input
    signature; writers: by the operator's kind. Raises ConversionError for what has no like, as
    hashes of text.
    """
    concrete = function.get_concrete_function()
    definition = concrete.graph.as_graph_def()
    nodes = [
        *definition.node,
        *chain.from_iterable(f.node_def for f in definition.library.function),
    ]
    if not any(node.op in writers or ON_TEXT.search(node.op) for node in nodes):
        return function
    with compiled_functions_inlined():
        frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    captured = {inner.op.name: outer for outer, inner in concrete.graph.captures}
    refuse_text(frozen.outputs)
    graph = _written(frozen, captured, writers)
    given = [tensor.name for tensor in concrete.inputs[: len(specs)]]
    answers = concrete.structured_outputs
    names = [tensor.name for tensor in frozen.outputs]

    def serve(*values: Any) -> dict[str, Any]:
        found = tf.graph_util.import_graph_def(
            graph, dict(zip(given, values, strict=True)), names, name=""
        )
        return tf.nest.pack_sequence_as(answers, found)  # type: ignore[no-any-return]

    serve.__signature__ = function.python_function.__signature__  # type: ignore[attr-defined]
    return tf.function(serve, input_signature=specs, autograph=False)


def _written(frozen: Any, captured: Mapping[str, Any], writers: Mapping[str, Writer]) -> Any:
    """The graph's definition with other operators in the place of those that there are writers
    for, and without its inputs."""
    definition = frozen.graph.as_graph_def()
    instead: dict[str, str] = {}
    for operation in frozen.graph.get_operations():
        nodes = _spliced(operation, captured, writers)
        definition.node.extend(nodes)
        if nodes:
            instead[operation.name] = f"{operation.name}/{_ANSWER}"
    for node in definition.node:
        node.input[:] = [
            instead.get(name.removesuffix(":0"), name)
            for name in node.input
            if name.removeprefix("^") not in instead or not name.startswith("^")
        ]
    outputs = [tensor.op.name for tensor in frozen.outputs]
    needed = tf.compat.v1.graph_util.extract_sub_graph(definition, outputs)
    kept = [node for node in needed.node if node.op != "Placeholder"]
    del needed.node[:]
    needed.node.extend(kept)
    return needed


def _spliced(
    operation: Any, captured: Mapping[str, Any], writers: Mapping[str, Writer]
) -> list[Any]:
    """The nodes that are written for one operator; none where it stays."""
    writer = writers.get(operation.type)
    write = None if writer is None else writer(operation, captured)
    if write is None:
        return []
    given: dict[str, str] = {}

    def stand_in(tensor: Any) -> Any:
        name = f"given_{len(given)}"
        given[name] = tensor.name
        return tf.compat.v1.placeholder(tensor.dtype, tensor.shape, name=name)

    with tf.Graph().as_default() as small:
        tf.identity(write(stand_in), name=_ANSWER)
    nodes = [node for node in small.as_graph_def().node if node.name not in given]
    for node in nodes:
        node.name = f"{operation.name}/{node.name}"
        node.input[:] = [given.get(name) or f"{operation.name}/{name}" for name in node.input]
    return nodes
