"""TensorFlow to TFLite, frozen to batch 1."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import tensorflow as tf

from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.frameworks.tensorflow_model import TensorflowModel
from edgeml_converters.frameworks.tensorflow_v1 import SessionModel
from edgeml_converters.routes.tensorflow_operators import WRITTEN
from edgeml_converters.routes.tensorflow_plain import plain
from edgeml_converters.routes.tensorflow_spectra import FOR_TFLITE
from edgeml_converters.routes.tensorflow_words import explained
from edgeml_converters.steps.messages import Converted

ENTRY = "model.tflite"
_WRITERS = WRITTEN | FOR_TFLITE


def by_saved_model(
    model: TensorflowModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    """By a SavedModel whose root holds the variables: without them the converter leaves
    READ_VARIABLE in the file, which answers NaN."""
    function, specs = model.function(arrays, batch=1)
    root: Any = tf.Module()
    written = plain(function, specs, _WRITERS)
    if written is function:  # else its variables are constants, and no table goes with them
        root.kept = model.kept
    with TemporaryDirectory() as saved:
        tf.saved_model.save(root, saved, signatures=written.get_concrete_function())
        with explained():
            converted = tf.lite.TFLiteConverter.from_saved_model(saved).convert()
    (folder / ENTRY).write_bytes(converted)
    return Converted(entry=ENTRY)


def by_keras_model(
    model: TensorflowModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    plain(*model.function(arrays, batch=1), _WRITERS)  # for its words where there is no way
    with explained():
        converted = tf.lite.TFLiteConverter.from_keras_model(model.owner).convert()
    (folder / ENTRY).write_bytes(converted)
    return Converted(entry=ENTRY)


def by_session(
    model: SessionModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    """Straight from the graph of a session of TensorFlow 1."""
    converter = tf.compat.v1.lite.TFLiteConverter.from_session(
        model.session, list(model.feeds.values()), list(model.fetches.values())
    )
    with explained():
        converted = converter.convert()
    (folder / ENTRY).write_bytes(converted)
    return Converted(entry=ENTRY)
