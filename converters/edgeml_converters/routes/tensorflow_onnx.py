"""Keras and SavedModel to ONNX by tf2onnx."""

from pathlib import Path

import tf2onnx

from edgeml_converters.formats import onnx_write
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.frameworks.tensorflow_model import TensorflowModel
from edgeml_converters.routes.onnx_rewrites import rewrite_erfc
from edgeml_converters.steps.messages import Converted

OPSET = 17


def by_tf2onnx(
    model: TensorflowModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    function, specs = model.function(arrays, model.batch)
    proto, _ = tf2onnx.convert.from_function(function, input_signature=specs, opset=OPSET)
    rewrite_erfc(proto.graph)
    batch = onnx_write.write(proto, folder)
    return Converted(entry=onnx_write.ENTRY, batch=batch)
