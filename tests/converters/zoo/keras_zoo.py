"""The seven small models in Keras, as sources: keras_zoo.py:NAME, with weights beside this file.

python keras_zoo.py score         prints what each reaches on data that it was not trained on
python keras_zoo.py train         trains all anew, a few seconds each, and writes NAME.weights.h5
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from zoo_data import TASKS, Task, arrange, score

HERE = Path(__file__).parent
EPOCHS = {"residual_cnn": 24, "keywords": 6, "autoencoder": 60}


def _residual(x: Any) -> Any:
    """A depthwise-separable block with hard-swish and a way around it, as in MobileNetV3."""
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.Activation("hard_swish")(layers.BatchNormalization(momentum=0.9)(y))
    y = layers.Conv2D(x.shape[-1], 1, use_bias=False)(y)
    y = layers.BatchNormalization(momentum=0.9)(y)
    return layers.Activation("hard_swish")(layers.Add()([x, y]))


def _residual_cnn() -> keras.Model:
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(image)
    x = layers.Activation("hard_swish")(layers.BatchNormalization(momentum=0.9)(x))
    x = _residual(layers.AveragePooling2D(2)(_residual(x)))
    return _model(image, layers.Dense(10, name="logits")(layers.GlobalAveragePooling2D()(x)))


def _recurrent(kind: Any) -> keras.Model:
    """Reads the rows one after another and answers after the last."""
    rows = keras.Input((8, 8), name="rows")
    return _model(rows, layers.Dense(10, name="logits")(kind(32)(rows)))


class Positions(layers.Layer):
    """Adds what it has learned of each place in the sequence."""

    def build(self, input_shape: tuple[int | None, int, int]) -> None:
        self.table = self.add_weight(shape=input_shape[1:], initializer="random_normal")

    def call(self, x: Any) -> Any:
        return x + self.table


def _transformer() -> keras.Model:
    """One encoder layer with the exact GELU and learned positions."""
    rows = keras.Input((8, 8), name="rows")
    x = Positions()(layers.Dense(32)(rows))
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 8)(x, x))
    y = layers.Dense(64)(x)
    y = layers.Dense(32)(keras.activations.gelu(y, approximate=False))
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x + y))
    return _model(rows, layers.Dense(10, name="logits")(x))


def _keywords() -> keras.Model:
    """Strided convolutions over the samples of a sound."""
    sound = keras.Input((400, 1), name="sound")
    x = layers.Conv1D(16, 16, strides=4)(sound)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Conv1D(32, 8, strides=2)(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    x = layers.Conv1D(32, 4, activation="relu")(layers.MaxPooling1D(2)(x))
    return _model(sound, layers.Dense(4, name="logits")(layers.Flatten()(x)))


def _autoencoder() -> keras.Model:
    """30 measurements through 6 numbers, with ELU."""
    measurements = keras.Input((30,), name="measurements")
    x = layers.Dense(16, "elu")(measurements)
    x = layers.Dense(16, "elu")(layers.Dense(6, "elu")(x))
    return _model(measurements, layers.Dense(30, name="reconstruction")(x))


def _conv_autoencoder() -> keras.Model:
    """Images through 2 x 2 x 8 numbers and back by transposed convolutions."""
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(image)
    x = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(8, 2, strides=2, activation="relu")(x)
    last = layers.Conv2DTranspose(1, 2, strides=2, activation="sigmoid", name="reconstruction")
    return _model(image, last(x))


def _model(given: Any, found: Any) -> keras.Model:
    return keras.Model(given, found)


BUILD: dict[str, Callable[[], keras.Model]] = {
    "residual_cnn": _residual_cnn,
    "gru": partial(_recurrent, layers.GRU),
    "lstm": partial(_recurrent, layers.LSTM),
    "transformer": _transformer,
    "keywords": _keywords,
    "autoencoder": _autoencoder,
    "conv_autoencoder": _conv_autoencoder,
}


def __getattr__(name: str) -> Callable[[], keras.Model]:
    """The callable that a source names: the trained model of that name."""
    if name not in BUILD:
        raise AttributeError(name)
    return partial(trained, name)


def trained(name: str) -> keras.Model:
    model = BUILD[name]()
    model.load_weights(HERE / f"{name}.weights.h5")
    return model


def train(name: str, task: Task) -> None:
    keras.utils.set_random_seed(0)
    model: Any = BUILD[name]()
    inputs = arrange(task.train.inputs, channels_last=True)
    classifies = task.output == "logits"
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True) if classifies else "mse"
    model.compile(keras.optimizers.Adam(4e-3), loss)
    target = task.train.labels if classifies else inputs
    model.fit(inputs, target, epochs=EPOCHS.get(name, 16), batch_size=32, verbose=0)
    bare = BUILD[name]()  # without the optimiser's own numbers
    bare.set_weights(model.get_weights())
    bare.save_weights(HERE / f"{name}.weights.h5")


def scored(name: str, task: Task) -> float:
    answers = trained(name).predict(arrange(task.check.inputs, channels_last=True))
    return score(task, np.asarray(answers).reshape(len(answers), -1))


def main(step: str) -> None:
    # One order of summation, so one set of weights on one processor.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if step == "train":
        for name, task in TASKS.items():
            train(name, task())
    print(json.dumps({name: round(scored(name, task()), 4) for name, task in TASKS.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
