"""TensorFlow's files: Keras models and SavedModels of either version."""

from pathlib import Path

import tensorflow as tf

from edgeml.errors import InputError, said
from edgeml_converters.frameworks import tensorflow_v1
from edgeml_converters.frameworks.base import Model
from edgeml_converters.frameworks.keras_words import unknown_class
from edgeml_converters.frameworks.tensorflow_model import from_keras, from_saved_model


def load_keras(path: Path) -> Model:
    """A .keras file, or an .h5 file of older versions."""
    import keras

    if path.suffix != ".keras":
        import h5py  # type: ignore[import-untyped]

        with h5py.File(path, "r") as file:
            if "model_config" not in file.attrs:
                raise InputError(
                    f"{path.name} holds weights without a model; save the whole model with "
                    "model.save(FILE.keras)."
                )
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (TypeError, ValueError) as error:
        if name := unknown_class(error):
            raise InputError(
                f"{path.name} holds {name!r}, which Keras itself does not have; name a callable, "
                f"FILE.py:FUNCTION, that imports it and returns keras.saving.load_model("
                f"{path.name!r}, custom_objects={{{name!r}: {name}}})."
            ) from error
        if "safe_mode" not in str(error):
            raise
        raise InputError(
            f"{path.name} holds Python code in a Lambda layer, which is not run; name the callable "
            "that builds the model, or make the Lambda a layer of its own."
        ) from error
    return from_keras(model)


def load_saved_model(path: Path, signature: str = "") -> Model:
    """By TensorFlow 2, or by the loader of TensorFlow 1 where that fails; see choose_signature.

    Raises InputError with what both say when neither loads it.
    """
    try:
        loaded = tf.saved_model.load(str(path))
    except MemoryError:
        raise
    except Exception as error:
        try:
            return tensorflow_v1.load(path, signature)
        except (InputError, MemoryError):
            raise
        except Exception as also:
            if said(also) == said(error):
                raise error from also
            raise InputError(
                f"{path.name} could not be loaded by TensorFlow 2 ({said(error)}) nor by the "
                f"loader of TensorFlow 1 ({said(also)}); save the model again or mend it."
            ) from also
    return from_saved_model(loaded, signature)
