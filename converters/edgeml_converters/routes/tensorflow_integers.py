"""Division of integers as TensorFlow means it, for tf2onnx: ONNX's Div rounds towards zero."""

from collections.abc import Callable
from typing import Any

from onnx import TensorProto
from tf2onnx.onnx_opset import math

_SIGNED = (TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64)
_FLOORED, _TRUNCATED = {"fmod": 0}, {"fmod": 1}


def _floor_div(graph: Any, node: Any, name: str, _: Any) -> None:
    """x // y: one less than x / y rounded to zero, where the two kinds of remainder differ."""
    kind = graph.get_dtype(node.input[0])
    if kind not in _SIGNED:
        math.FloorDiv.version_6(graph, node)
        return
    inputs, outputs = list(node.input), list(node.output)
    shapes, kinds = node.output_shapes, node.output_dtypes
    graph.remove_node(name)
    quotient = graph.make_node("Div", inputs)
    floored = graph.make_node("Mod", inputs, attr=_FLOORED)
    truncated = graph.make_node("Mod", inputs, attr=_TRUNCATED)
    same = graph.make_node("Equal", [floored.output[0], truncated.output[0]])
    differ = graph.make_node("Not", same.output)
    less = graph.make_node("Cast", differ.output, attr={"to": kind})
    graph.make_node(
        "Sub", [quotient.output[0], less.output[0]], outputs=outputs, name=name, shapes=shapes,
        dtypes=kinds,
    )  # fmt: skip


def _modulo(how: dict[str, int]) -> Callable[[Any, Any, str, Any], None]:
    def handler(graph: Any, node: Any, name: str, _: Any) -> None:
        if how is _FLOORED and graph.get_dtype(node.input[0]) not in _SIGNED:
            math.FloorMod.version_7(graph, node)
            return
        inputs, outputs = list(node.input), list(node.output)
        shapes, kinds = node.output_shapes, node.output_dtypes
        graph.remove_node(name)
        graph.make_node(
            "Mod", inputs, attr=how, outputs=outputs, name=name, shapes=shapes, dtypes=kinds
        )

    return handler


HANDLERS = {
    "FloorDiv": (_floor_div, list[str]()),
    "FloorMod": (_modulo(_FLOORED), list[str]()),
    "Mod": (_modulo(_TRUNCATED), list[str]()),
    "TruncateMod": (_modulo(_TRUNCATED), list[str]()),
}
"""For tf2onnx's `custom_op_handlers`."""
