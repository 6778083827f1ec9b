"""TensorFlow to ONNX by tf2onnx, whether it comes as a function or as a frozen graph."""

from itertools import count
from pathlib import Path
from typing import Any

import onnx
import tf2onnx
from tf2onnx.graph import Node

from edgeml_converters.formats import onnx_write
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.frameworks.tensorflow_model import TensorflowModel
from edgeml_converters.frameworks.tensorflow_v1 import SessionModel, frozen_graph
from edgeml_converters.routes.onnx_rewrites import (
    give_values,
    number_addresses,
    rewrite_erfc,
)
from edgeml_converters.routes.tensorflow_inlining import compiled_functions_inlined
from edgeml_converters.routes.tensorflow_integers import HANDLERS
from edgeml_converters.routes.tensorflow_operators import WRITTEN
from edgeml_converters.routes.tensorflow_plain import plain
from edgeml_converters.routes.tensorflow_spectra import FOR_ONNX
from edgeml_converters.steps.messages import Converted

OPSET = 17


def by_tf2onnx(
    model: TensorflowModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    function, specs = model.function(arrays, model.batch)
    function = plain(function, specs, WRITTEN | FOR_ONNX)
    with compiled_functions_inlined():
        proto, _ = tf2onnx.convert.from_function(
            function,
            input_signature=specs,
            opset=model.asked.opset or OPSET,
            custom_op_handlers=HANDLERS,
        )
    captured = function.get_concrete_function().graph.captures
    give_values(proto.graph, {inner.name: outer for outer, inner in captured})
    return _written(proto, folder)


def by_session(
    model: SessionModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    """Straight from the graph of a session of TensorFlow 1."""
    proto, _ = tf2onnx.convert.from_graph_def(
        frozen_graph(model.session, model.fetches),
        input_names=[tensor.name for tensor in model.feeds.values()],
        output_names=[tensor.name for tensor in model.fetches.values()],
        opset=model.asked.opset or OPSET,
        custom_op_handlers=HANDLERS,
    )
    return _written(proto, folder)


def _written(proto: onnx.ModelProto, folder: Path) -> Converted:
    rewrite_erfc(proto.graph)
    number_addresses(proto.graph)
    onnx_write.write(proto, folder)
    return Converted(entry=onnx_write.ENTRY)


def _number_nodes(node: Any) -> None:
    """One model gives one file, in whatever process it is converted.

    tf2onnx 1.17 keeps nodes in sets and names tensors in their order, and the hash of a node is its
    address, which no PYTHONHASHSEED fixes (Graph.extract_sub_graph_nodes). Here it is its number.
    """
    numbers = count()
    initialise = node.__init__

    def numbered(self: Any, *arguments: Any, **options: Any) -> None:
        self.edgeml_number = next(numbers)
        initialise(self, *arguments, **options)

    def number(self: Any) -> int:
        return int(self.edgeml_number)

    node.__init__, node.__hash__ = numbered, number


_number_nodes(Node)
