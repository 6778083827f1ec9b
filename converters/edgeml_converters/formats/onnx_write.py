"""An ONNX model as it is shipped: a graph without traces of its making, big weights beside it.

The same model gives the same bytes, in whatever folder and process it was exported.
"""

from pathlib import Path

import onnx
from onnx import numpy_helper

from edgeml.archive import PAGE_BYTES
from edgeml.errors import ConversionError

ENTRY = "model.onnx"
WEIGHTS = "weights.bin"
EXTERNAL_BYTES = 16_384  # smaller tensors stay in the graph; the page they fill would be mostly air


def write(model: onnx.ModelProto, folder: Path, *, keep_metadata: bool = False) -> None:
    """Writes model.onnx to `folder`, and weights.bin where a tensor is big; changes `model`.

    keep_metadata: keeps what the model's author wrote into it, such as an alphabet.
    Raises ConversionError when an exporter froze the batch to the example's size.
    """
    kept = {prop.key: prop.value for prop in model.metadata_props} if keep_metadata else {}
    _free_negative(model.graph)
    _name_batch(model.graph)
    _strip(model)
    for key, value in sorted(kept.items()):
        model.metadata_props.add(key=key, value=value)
    _move_weights(model.graph, folder / WEIGHTS)
    (folder / ENTRY).write_bytes(model.SerializeToString(deterministic=True))


def _free_negative(graph: onnx.GraphProto) -> None:
    """Makes sizes of -1 free: Paddle's exporter once wrote a free size so."""
    for value in (*graph.input, *graph.output):
        for size in value.type.tensor_type.shape.dim:
            if size.HasField("dim_value") and size.dim_value < 0:
                size.ClearField("dim_value")


def _name_batch(graph: onnx.GraphProto) -> None:
    """Calls every free first axis `batch`."""
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    frozen = {
        value.type.tensor_type.shape.dim[0].dim_value
        for value in inputs
        if value.type.tensor_type.shape.dim
        and value.type.tensor_type.shape.dim[0].HasField("dim_value")
    }
    if frozen - {1}:
        raise ConversionError(f"the exporter froze the batch to {max(frozen)}")
    for value in (*inputs, *graph.output):
        dimensions = value.type.tensor_type.shape.dim
        if dimensions and not dimensions[0].HasField("dim_value"):
            dimensions[0].dim_param = "batch"


def _strip(model: onnx.ModelProto) -> None:
    """Removes what leaks paths, source lines and names of the making: metadata, doc strings."""
    graph = model.graph
    parts = (model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output)
    functions = (*model.functions, *(node for f in model.functions for node in f.node))
    for part in (*parts, *functions):
        del part.metadata_props[:]
        part.doc_string = ""
    del graph.value_info[:]  # engines infer it, and its symbols depend on the process


def _move_weights(graph: onnx.GraphProto, target: Path) -> None:
    """Writes big tensors to `target`, each from a page on, so that an engine can map the file."""
    big = [
        tensor
        for tensor in graph.initializer
        if tensor.data_type != onnx.TensorProto.STRING and tensor.ByteSize() >= EXTERNAL_BYTES
    ]
    if not big:
        return
    with target.open("wb") as stream:
        for tensor in big:
            data = numpy_helper.to_array(tensor).tobytes()
            stream.write(bytes(-stream.tell() % PAGE_BYTES))
            place = {"location": WEIGHTS, "offset": stream.tell(), "length": len(data)}
            stream.write(data)
            for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data"):
                tensor.ClearField(field)
            tensor.data_location = onnx.TensorProto.EXTERNAL
            for key, value in place.items():
                tensor.external_data.add(key=key, value=str(value))
