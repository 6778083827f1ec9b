"""Reading an .onnx file: its graph, and the files beside it that hold its weights."""

from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import external_data_helper

from edgeml.errors import InputError
from edgeml_converters.formats.onnx_walk import inner_graphs, walk

QUANTISED = "_DequantizeLinear_Output"
"""How ONNX Runtime's quantiser ends the name of the tensor that it puts in place of another."""


def read_graph(path: Path) -> onnx.ModelProto:
    """The model without its external weights; raises InputError when it is none."""
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except DecodeError as error:
        raise InputError(f"{path.name} is not a whole ONNX model; save it again.") from error
    if not model.HasField("graph"):  # any few bytes may be a protobuf
        raise InputError(f"{path.name} is not a whole ONNX model; save it again.")
    if not model.graph.output:
        raise InputError(f"{path.name} is an ONNX file without outputs; save the model again.")
    return model


def external_files(model: onnx.ModelProto, path: Path) -> list[Path]:
    """The files that `model`, read from `path`, keeps its weights in, sorted.

    Raises InputError for one that is missing or lies elsewhere than in the folder of `path`: a
    model from a stranger would ship any file of this machine as weights.
    """
    folder = path.parent
    files: set[Path] = set()
    for tensor in _tensors(model):
        if not external_data_helper.uses_external_data(tensor):
            continue
        location = external_data_helper.ExternalDataInfo(tensor).location
        file = folder / location
        inside = file.resolve().is_relative_to(folder.resolve())
        if not location or Path(location).is_absolute() or not inside:
            raise InputError(
                f"{path.name} keeps weights at {location!r}, outside of its own folder; put them "
                "beside it with onnx.save(..., save_as_external_data=True)."
            )
        if not file.is_file():
            raise InputError(
                f"{path.name} keeps weights in {location!r}, which is missing; put that file "
                "beside it."
            )
        files.add(file)
    return sorted(files)


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every tensor that the file holds: in its graph, in the graphs inside it, in its functions."""
    yield from _constants(model.graph)
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        for node in walk(nodes):
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)
            for graph in inner_graphs(node):
                yield from _constants(graph)


def _constants(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
