"""The opset and the sizes of an ONNX model, as people ask for them."""

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnxruntime.tools.onnx_model_utils import fix_output_shapes, make_input_shape_fixed

from edgeml.errors import ConversionError
from edgeml_converters.asked import FreeAxis
from edgeml_converters.formats.onnx_read import read_graph
from edgeml_converters.formats.tensors import Arrays


def opset_of(model: onnx.ModelProto) -> int:
    """Of ONNX's own operators."""
    return max((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0)


def check_opset(entry: Path, opset: int) -> None:
    """Raises ConversionError for a file of another: some exporters write what they can."""
    found = opset_of(read_graph(entry))
    if found != opset:
        raise ConversionError(f"it wrote opset {found} where --opset asks for {opset}")


def name_free_axes(entry: Path, free: Sequence[FreeAxis]) -> None:
    """Calls free axes of the inputs by the names of their sizes, in the file.

    Raises ConversionError for one that is not free in it.
    """
    model = read_graph(entry)
    inputs = {value.name: value.type.tensor_type.shape.dim for value in model.graph.input}
    for one in free:
        if one.input not in inputs:
            raise ConversionError(f"it takes no input {one.input!r}")
        dimension = inputs[one.input][one.axis]
        if dimension.HasField("dim_value"):
            raise ConversionError(
                f"it fixed axis {one.axis} of {one.input!r} to {dimension.dim_value}"
            )
        dimension.dim_param = one.size
    entry.write_bytes(model.SerializeToString(deterministic=True))


def fix_sizes(entry: Path, arrays: Arrays) -> None:
    """Fixes every size of the inputs to that of the first sample, and of the outputs to what
    follows from it, in the file.

    Raises ConversionError where a size is another one already.
    """
    model = read_graph(entry)
    weights = {tensor.name for tensor in model.graph.initializer}
    for value in [value for value in model.graph.input if value.name not in weights]:
        if value.name not in arrays:
            raise ConversionError(f"its input {value.name!r} has no sizes in the data")
        try:
            make_input_shape_fixed(model.graph, value.name, [1, *arrays[value.name].shape[1:]])
        except ValueError as error:
            raise ConversionError(f"its sizes cannot be fixed: {error}") from error
    _fix_outputs(model, entry.parent)
    entry.write_bytes(model.SerializeToString(deterministic=True))


def _fix_outputs(model: onnx.ModelProto, folder: Path) -> None:
    """By shape inference, which wants to see constants wherever they lie."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    onnx.load_external_data_for_model(whole, str(folder))
    fix_output_shapes(whole)
    for value, inferred in zip(model.graph.output, whole.graph.output, strict=True):
        value.CopyFrom(inferred)
