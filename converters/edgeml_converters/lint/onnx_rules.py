"""The rules for .onnx files."""

from collections.abc import Iterator
from pathlib import Path

import onnx

from edgeml.errors import InputError
from edgeml.faults import Fault, Finding
from edgeml_converters.formats.onnx_read import read_graph
from edgeml_converters.lint.onnx_ops import foreign_ops, stateful_ops
from edgeml_converters.lint.onnx_support import unsupported_opset
from edgeml_converters.lint.rule import added_rules

MAX_BYTES = (1 << 31) - 1  # what protobuf reads of one message


def findings(entry: Path) -> Iterator[Finding]:
    size = entry.stat().st_size
    if size > MAX_BYTES:
        yield _oversize(
            f"{entry.name} has {size / 1e9:.2f} GB, but protobuf ends at 2.15 GB; move the weights "
            "into a file beside it."
        )
        return
    model = read_graph(entry)
    if not model.opset_import:
        raise InputError(f"{entry.name} names no opset, so it is no ONNX model; convert it again.")
    yield from unsupported_opset(model)
    yield from foreign_ops(model)
    yield from stateful_ops(model)
    yield from _external_data(model, entry)
    yield from added_rules("onnx", model)


def _external_data(model: onnx.ModelProto, entry: Path) -> Iterator[Finding]:
    for tensor in model.graph.initializer:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        place = {item.key: item.value for item in tensor.external_data}
        location = place.get("location", "")
        file = entry.parent / location
        end = int(place.get("offset", 0)) + int(place.get("length", 0))
        if not location or Path(location).is_absolute() or ".." in Path(location).parts:
            problem = f"are said to be in {location!r}, which is not beside the file"
        elif not file.is_file():
            problem = f"are said to be in {location!r}, which is not there"
        elif file.stat().st_size < end:
            problem = f"end at byte {end} of {location!r}, which has {file.stat().st_size} bytes"
        else:
            continue
        yield _oversize(
            f"The weights of {tensor.name!r} {problem}; convert the model again or bring all of "
            "its files.",
            where=tensor.name,
        )


def _oversize(message: str, where: str = "") -> Finding:
    return Finding(fault=Fault.OVERSIZE, severity="error", message=message, where=where)
