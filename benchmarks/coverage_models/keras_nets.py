"""Networks of keras.applications, and recurrent ones as Keras's own examples have them."""

from functools import partial
from typing import Any

from coverage_models.architecture import Architecture, image, signal, tokens

# Name -> (whether in int8, side of its images, what its function takes beside).
APPLICATIONS: dict[str, tuple[bool, int, dict[str, Any]]] = {
    "MobileNetV2": (True, 64, {"alpha": 0.35}),
    "MobileNetV3Small": (False, 64, {"alpha": 0.75, "include_preprocessing": False}),
    "EfficientNetB0": (False, 64, {}),
    "EfficientNetV2B0": (False, 64, {"include_preprocessing": False}),
    "NASNetMobile": (False, 64, {}),
    "ResNet50V2": (True, 64, {}),
    "ConvNeXtTiny": (False, 64, {"include_preprocessing": False}),
    "Xception": (False, 96, {}),
}


CLASSES = 10


def application(name: str) -> Any:
    import keras

    _, size, options = APPLICATIONS[name]
    return getattr(keras.applications, name)(
        weights=None,
        classes=CLASSES,
        input_shape=(size, size, 3),
        classifier_activation=None,
        **options,
    )


def lstm() -> Any:
    """Two bidirectional LSTMs over words, as in keras.io's text classification."""
    import keras

    layers = keras.layers
    words = keras.Input((24,), dtype="int32", name="words")
    x = layers.Embedding(500, 32)(words)
    x = layers.Bidirectional(layers.LSTM(32, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(32))(x)
    return keras.Model(words, layers.Dense(5, name="classes")(x))


def gru() -> Any:
    import keras

    layers = keras.layers
    series = keras.Input((48, 6), name="series")
    x = layers.GRU(32, return_sequences=True)(series)
    x = layers.GRU(32)(x)
    return keras.Model(series, layers.Dense(4, name="forecast")(x))


def _words(*call: Any) -> Any:
    return tokens(24, 500)(*call).astype("int32")


ARCHITECTURES = [
    Architecture(
        name, "classification", "keras", partial(application, name),
        {"image": image(size, last=True)}, int8,
        CLASSES if int8 else 0,
    )
    for name, (int8, size, _) in APPLICATIONS.items()
] + [
    Architecture("keras_lstm", "text", "keras", lstm, {"words": _words}),
    Architecture(
        "keras_gru", "time series", "keras", gru, {"series": signal(48, 6)}, True,
        meaning=("forecast=regression,error=0.1",),
    ),
]  # fmt: skip
