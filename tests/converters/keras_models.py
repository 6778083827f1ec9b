"""Models in Keras for the tests, named as sources by path: keras_models.py:NAME.

Run as a program, writes FOLDER/sequential.keras and the SavedModel FOLDER/saved.
"""

import sys
from pathlib import Path

import keras


def pair() -> keras.Model:
    """A dict of two inputs to a dict of two outputs of one shape, with an exact GELU."""
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1), name="image")
    extra = keras.Input((3,), name="extra")
    x = keras.layers.Conv2D(4, 3, activation="gelu")(image)
    x = keras.layers.Concatenate()([keras.layers.Flatten()(x), extra])
    outputs = {"zed": keras.layers.Dense(3)(x), "alpha": keras.layers.Dense(3)(x)}
    return keras.Model({"image": image, "extra": extra}, outputs)


def sequential() -> keras.Model:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(128, "relu"),
            layers.Dense(4, name="logits"),
        ]
    )


def main(folder: Path) -> None:
    sequential().save(folder / "sequential.keras")
    pair().export(folder / "saved", verbose=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
