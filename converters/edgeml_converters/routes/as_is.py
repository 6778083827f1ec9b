"""Files that are in the target format already."""

import shutil
from pathlib import Path

import onnx

from edgeml_converters.formats import onnx_write
from edgeml_converters.formats.onnx_asked import opset_of
from edgeml_converters.formats.onnx_read import external_files, read_graph
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.frameworks.file_model import FileModel
from edgeml_converters.steps.messages import Converted


def onnx_cleaned(
    model: FileModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    """The model without its exporter's traces, its weights laid out as in every converted file."""
    proto = read_graph(model.path)
    if external_files(proto, model.path):
        onnx.load_external_data_for_model(proto, str(model.path.parent))
    asked = model.asked.opset
    if asked is not None and asked != opset_of(proto):
        proto = onnx.version_converter.convert_version(proto, asked)
    onnx_write.write(proto, folder, keep_metadata=True)
    return Converted(entry=onnx_write.ENTRY)


def tflite_copied(
    model: FileModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    entry = "model.tflite"
    shutil.copyfile(model.path, folder / entry)
    return Converted(entry=entry)
