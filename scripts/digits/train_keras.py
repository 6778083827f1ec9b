"""Trains the digits model in Keras; run as a program: train_keras.py OUT.keras, prints accuracy."""

import json
import sys
from pathlib import Path

import keras
from data import load


def main(target: Path) -> None:
    keras.utils.set_random_seed(7)
    digits = load()
    image = keras.Input((8, 8, 1), name="image")
    x = keras.layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(64, activation="relu")(x)
    model = keras.Model(image, keras.layers.Dense(10, name="logits")(x))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"])
    train = digits.train.images.transpose(0, 2, 3, 1), digits.train.labels
    check = digits.validation.images.transpose(0, 2, 3, 1), digits.validation.labels
    model.fit(*train, epochs=20, batch_size=32, verbose=0)
    model.save(target)
    print(json.dumps({"1": float(model.evaluate(*check, verbose=0)[1])}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
