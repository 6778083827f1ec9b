"""Small float .tflite files by edgeml's own routes; run as a program with `keras` or `torch` and a
folder, writes them there."""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

# The shape of one sample of each; integers are looked up, everything else is standard normal.
KERAS = {
    "cnn": (12, 12, 3),
    "gru": (10, 6),
    "lstm": (10, 6),
    "transformer": (8, 16),
    "elu": (24,),
    "embedding": (12,),
}
TORCH = {"torch-gru": (10, 6), "torch-elu": (24,)}
WORDS = 200


def write_tflite(maker: str, folder: Path) -> None:
    """Writes FOLDER/NAME/model.tflite for every name in `KERAS` (maker "keras") or `TORCH`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.converters.quantise.float_tflite", maker, str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parents[3],
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr


def _keras_model(name: str) -> Any:
    import keras
    from keras import layers

    keras.utils.set_random_seed(0)
    integers = name == "embedding"
    x: Any = keras.Input(KERAS[name], name="x", dtype="int32" if integers else "float32")
    given = x
    match name:
        case "cnn":
            x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
            x = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(x)
            x = layers.Conv2D(16, 1, activation="hard_silu")(x)
            x = layers.Conv2DTranspose(8, 2, strides=2, activation="relu")(x)
            x = layers.GlobalAveragePooling2D()(x)
        case "gru":
            x = layers.GRU(24)(layers.GRU(24, return_sequences=True)(x))
        case "lstm":
            x = layers.LSTM(24)(x)
        case "transformer":
            x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 8)(x, x))
            inner = layers.Dense(16)(layers.Dense(32, activation="gelu")(x))
            x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x + inner))
        case "elu":
            for width in (32, 8, 32):
                x = layers.Dense(width, activation="elu")(x)
        case _:
            x = layers.GlobalAveragePooling1D()(layers.Embedding(WORDS, 32)(x))
    return keras.Model(given, layers.Dense(5, name="y")(x))


def _torch_model(name: str) -> Any:
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(6, 24, batch_first=True) if name == "torch-gru" else None
            widths = (24, 5) if self.gru else (24, 32, 8, 5)
            self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

        def forward(self, x: Any) -> Any:
            x = self.gru(x)[0][:, -1] if self.gru else x
            for layer in self.layers[:-1]:
                x = nn.functional.elu(layer(x))
            return self.layers[-1](x)

    torch.manual_seed(0)
    net = Net().eval()
    for name, value in net.layers.named_parameters():
        if name.endswith("weight"):
            nn.init.normal_(value, std=0.6)  # so that the largest exp(x) dwarfs the rest
    return net


def main(maker: str, folder: Path) -> None:
    for name, shape in (KERAS if maker == "keras" else TORCH).items():
        (folder / name).mkdir()
        if maker == "keras":
            from edgeml_converters.frameworks import tensorflow_model
            from edgeml_converters.routes.tensorflow_tflite import by_saved_model

            kind = np.int32 if name == "embedding" else np.float32
            model: Any = tensorflow_model.wrap(_keras_model(name))
            by_saved_model(model, {"x": np.zeros((1, *shape), kind)}, ("y",), folder / name)
        else:
            from edgeml_converters.frameworks import torch_model
            from edgeml_converters.routes.torch_tflite import by_litert

            model = torch_model.wrap(_torch_model(name))
            by_litert(model, {"x": np.zeros((1, *shape), np.float32)}, ("y",), folder / name)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
