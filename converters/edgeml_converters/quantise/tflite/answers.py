"""Mends what ai-edge-quantizer makes of an answer of a graph that an operator takes too."""

from typing import Any

from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.formats.tflite_edit import op_name

_Type = schema.TensorType


def keep_answers(model: Any, before: Any) -> None:
    """Lets graphs and signatures of a quantised file answer what they did before, in float.

    Where an operator takes an answer too, the graph is given another tensor in its place: the float
    of one that is int8, which the signature must name and no operator in int8 may take, but the
    int8 of one that is float.
    """
    for graph, old in zip(model.subgraphs, before.subgraphs, strict=True):
        for place, index in enumerate(map(int, old.outputs)):
            if graph.tensors[index].type == old.tensors[index].type:
                graph.outputs[place] = index
        _take_int8(model, graph)
    signatures: list[list[Any]] = [of.signatureDefs or [] for of in (model, before)]
    for signature, old in zip(*signatures, strict=True):
        graph, was = (of.subgraphs[old.subgraphIndex] for of in (model, before))
        places = {each.name: list(was.outputs).index(each.tensorIndex) for each in old.outputs}
        for each in signature.outputs:
            each.tensorIndex = int(graph.outputs[places[each.name]])


def _take_int8(model: Any, graph: Any) -> None:
    """Gives operators that answer in int8 the int8 of what they take in float."""
    of_floats = {
        int(op.outputs[0]): int(op.inputs[0])
        for op in graph.operators
        if op_name(model, op) == "DEQUANTIZE" and graph.tensors[op.inputs[0]].type == _Type.INT8
    }
    for op in graph.operators:
        if op_name(model, op) == "QUANTIZE" or not len(op.outputs):
            continue
        if graph.tensors[op.outputs[0]].type == _Type.INT8:
            op.inputs = [of_floats.get(int(index), int(index)) for index in op.inputs]
