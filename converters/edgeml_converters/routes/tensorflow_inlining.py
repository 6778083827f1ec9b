"""Functions that a TensorFlow graph calls, made part of it before it goes to another format."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from tensorflow.python.framework import convert_to_constants

_COMPILED = "_XlaMustCompile"


@contextmanager
def compiled_functions_inlined() -> Generator[None]:
    """While it lasts, freezing a graph inlines functions that are to be compiled by XLA too.

    Keras 3 makes one of each convolution in groups, since TensorFlow computes those on a GPU only.
    Grappler leaves them as StatefulPartitionedCall, which is no ONNX.
    """
    prepare = convert_to_constants.disable_lower_using_switch_merge

    def without_compiling(graph_def: Any) -> Any:
        for nodes in (graph_def.node, *(f.node_def for f in graph_def.library.function)):
            for node in nodes:
                node.attr.pop(_COMPILED, None)
        for function in graph_def.library.function:
            function.attr.pop(_COMPILED, None)
        return prepare(graph_def)

    convert_to_constants.disable_lower_using_switch_merge = without_compiling
    try:
        yield
    finally:
        convert_to_constants.disable_lower_using_switch_merge = prepare
