"""Models of TensorFlow in forms that people have, named as sources by path."""

import tempfile
from typing import Any

import keras
import tensorflow as tf

layers = keras.layers


class Scale(layers.Layer):
    """Its inputs times a weight."""

    def build(self, input_shape: Any) -> None:
        self.gain = self.add_weight(shape=(input_shape[-1],), initializer="ones")

    def call(self, x: Any) -> Any:
        return x * self.gain


def own() -> keras.Model:
    """Saved as own.keras and own.h5 where one is."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3), Scale(), layers.Dense(2)])
    model.save("own.keras")
    model.save("own.h5")
    return model


def loaded_with_its_class() -> Any:
    """As the words say of a file with a layer of one's own."""
    return keras.saving.load_model("own.keras", custom_objects={"Scale": Scale})


def coloured() -> keras.Model:
    keras.utils.set_random_seed(0)
    colour = keras.Input((1,), dtype="string", name="colour")
    lookup = layers.StringLookup(vocabulary=["red", "blue"], output_mode="one_hot", name="colours")
    return keras.Model(colour, layers.Dense(2, name="scores")(lookup(colour)))


def behind_colours() -> keras.Model:
    model = coloured()
    return keras.Model(model.get_layer("colours").output, model.outputs)


def _traced(signature: list[Any]) -> Any:
    return tf.function(input_signature=signature)


class Tripled(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.factor: Any = tf.Variable(tf.constant(3.0))

    @_traced([tf.TensorSpec([None, 4], tf.float32, name="x")])
    def serve(self, x: Any) -> dict[str, Any]:
        return {"tripled": x * self.factor}


def module() -> tf.Module:
    return Tripled()


_KEPT = Tripled()


def function() -> Any:
    return _KEPT.serve


def traced() -> Any:
    return _KEPT.serve.get_concrete_function()


def without_its_module() -> Any:
    return Tripled().serve.get_concrete_function()


def of_a_loaded() -> Any:
    folder = tempfile.mkdtemp()
    tf.saved_model.save(_KEPT, folder, signatures=_KEPT.serve)
    return tf.saved_model.load(folder).signatures["serving_default"]


def unsigned() -> Any:
    return tf.function(tf.negative)


def refusing() -> keras.Model:
    """A layer of it raises when it is called."""
    return keras.Sequential([keras.Input((3,)), layers.Reshape((2, 2))])


def wants(folder: str) -> str:
    return folder
