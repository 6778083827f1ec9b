"""Models in Keras that converters are known to get wrong, named as sources by path."""

import tempfile
from typing import Any

import keras
import tensorflow as tf

layers = keras.layers


def grouped() -> keras.Model:
    """Convolutions in groups, which Keras compiles by XLA; constants beside variables."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 4), name="image")
    x = layers.Normalization(mean=[0.5, 0.4, 0.3, 0.2], variance=[0.2, 0.2, 0.3, 0.4])(image)
    x = layers.Conv2D(8, 3, groups=2, activation="relu")(x)
    x = layers.Conv2D(8, 3, padding="same", groups=8)(x)
    return keras.Model(image, layers.Dense(3, name="scores")(layers.Flatten()(x)))


def grouped_saved() -> Any:
    """The same as a SavedModel, whose functions are traced already."""
    folder = tempfile.mkdtemp()
    grouped().export(folder, verbose=False)
    return tf.saved_model.load(folder)
