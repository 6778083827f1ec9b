"""The files beside an ONNX graph that hold its weights: found, and kept to its own folder."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import external_data_helper

from edgeml.errors import InputError


def read_graph(path: Path) -> onnx.ModelProto:
    """The model without its external weights; raises InputError when it is none."""
    try:
        model = onnx.load(path, format="protobuf", load_external_data=False)
    except DecodeError as error:
        raise InputError(f"{path.name} is not a whole ONNX model; save it again.") from error
    if not model.graph.output:
        raise InputError(f"{path.name} is an ONNX file without outputs; save the model again.")
    return model


def external_files(model: onnx.ModelProto, path: Path) -> list[Path]:
    """The files that `model`, read from `path`, keeps its weights in, sorted.

    Raises InputError for one that is missing or lies elsewhere than in the folder of `path`: a
    model from a stranger would ship any file of this machine as weights.
    """
    folder = path.parent
    found: set[Path] = set()
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
        found.add(file)
    return sorted(found)


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from _of_graph(model.graph)
    for function in model.functions:
        yield from _of_nodes(function.node)


def _of_graph(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _of_nodes(graph.node)


def _of_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for graph in (attribute.g, *attribute.graphs):
                yield from _of_graph(graph)
