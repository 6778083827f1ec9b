"""A model in a session of TensorFlow 1, converted straight from the session's graph."""

from pathlib import Path

import tensorflow as tf
import tf2onnx

from edgeml_converters.formats import onnx_write
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.frameworks.tensorflow_v1 import SessionModel, frozen_graph
from edgeml_converters.routes.onnx_rewrites import rewrite_erfc
from edgeml_converters.routes.tensorflow_onnx import OPSET
from edgeml_converters.routes.tensorflow_tflite import ENTRY
from edgeml_converters.steps.messages import Converted


def to_onnx(
    model: SessionModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    proto, _ = tf2onnx.convert.from_graph_def(
        frozen_graph(model.session, model.fetches),
        input_names=[tensor.name for tensor in model.feeds.values()],
        output_names=[tensor.name for tensor in model.fetches.values()],
        opset=OPSET,
    )
    rewrite_erfc(proto.graph)
    batch = onnx_write.write(proto, folder)
    return Converted(entry=onnx_write.ENTRY, batch=batch)


def to_tflite(
    model: SessionModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    converter = tf.compat.v1.lite.TFLiteConverter.from_session(
        model.session, list(model.feeds.values()), list(model.fetches.values())
    )
    (folder / ENTRY).write_bytes(converter.convert())
    return Converted(entry=ENTRY, batch=1)
