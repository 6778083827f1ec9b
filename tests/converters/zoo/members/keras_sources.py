"""Members in Keras with the same weights: tests.converters.zoo.members.keras_sources:NAME."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import keras
import numpy as np
from keras import layers

from tests.converters.zoo.members.member import WEIGHTS, Array


class Units(layers.Layer):
    """From standardised numbers to the targets' own units."""

    def __init__(self, offset: Array, scale: Array) -> None:
        super().__init__()
        self.offset, self.scale = offset, scale

    def call(self, x: Any) -> Any:
        return x * self.scale + self.offset


def _segmentation(weights: dict[str, Array]) -> keras.Model:
    image = keras.Input((16, 16, 1), name="image")
    x = layers.Conv2D(8, 5, padding="same", activation="relu")(image)
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    last = layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="mask")
    return keras.Model(image, {"mask": last(x)})


def _mixed(weights: dict[str, Array]) -> keras.Model:
    readings = keras.Input((10,), name="readings")
    x = layers.Dense(32, "relu")(layers.Dense(32, "relu")(readings))
    units = Units(weights["units.offset"], weights["units.scale"])
    return keras.Model(readings, {"process": units(layers.Dense(4)(x))})


def _rare_event(weights: dict[str, Array]) -> keras.Model:
    readings = keras.Input((12,), name="readings")
    x = layers.Dense(24, "relu")(layers.Dense(32, "relu")(readings))
    return keras.Model(readings, {"alarm": layers.Dense(1, "sigmoid", name="alarm")(x)})


BUILD: dict[str, Callable[[dict[str, Array]], keras.Model]] = {
    "segmentation_nhwc": _segmentation,
    "mixed_units": _mixed,
    "rare_event": _rare_event,
}


def __getattr__(name: str) -> Callable[[], keras.Model]:
    if name not in BUILD:
        raise AttributeError(name)
    return partial(trained, name)


def trained(name: str) -> keras.Model:
    """Its layers with weights follow one another as PyTorch's do."""
    with np.load(WEIGHTS) as kept:
        weights = {
            key.removeprefix(f"{name}/"): kept[key].astype(np.float32)
            for key in kept
            if key.startswith(f"{name}/")
        }
    model = BUILD[name](weights)
    places = (2 * place for place in count())
    for layer in model.layers:
        if layer.weights:
            of = f"layers.{next(places)}"
            # PyTorch has the channels that come out first, Keras last.
            kernel = np.moveaxis(weights[f"{of}.weight"], (0, 1), (-1, -2))
            layer.set_weights([kernel, weights[f"{of}.bias"]])
    return model
