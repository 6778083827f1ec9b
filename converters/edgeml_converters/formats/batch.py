"""The batch that a file is frozen to: read from the file, and never believed of whoever made it."""

from pathlib import Path

from edgeml.manifest import Format


def frozen_batch(form: Format, entry: Path) -> int | None:
    """The size of its inputs' first axis, the largest where they have several; None where it is
    free in all of them.

    Raises InputError for a file that is not of its format.
    """
    sizes = _onnx_sizes(entry) if form == "onnx" else _tflite_sizes(entry)
    return max((size for size in sizes if size > 0), default=None)


def _onnx_sizes(entry: Path) -> list[int]:
    from edgeml_converters.formats.onnx_read import read_graph

    graph = read_graph(entry).graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value.type.tensor_type.shape.dim for value in graph.input]
    return [
        axes[0].dim_value
        for value, axes in zip(graph.input, inputs, strict=True)
        if axes and value.name not in weights
    ]


def _tflite_sizes(entry: Path) -> list[int]:
    from edgeml_converters.formats.tflite_read import read

    return [tensor.signature[0] for tensor in read(entry).inputs if tensor.signature]
