"""Tiny models by each exporter, for the names that exporters give to tensors.

Run as a program with `torch` or `keras` and a folder, writes their files there.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np


def torch_files(folder: Path) -> None:
    """dynamo.onnx as exported, script/model.onnx and litert/model.tflite by their routes."""
    import onnx
    import torch
    from torch import nn

    from edgeml_converters.frameworks.torch_model import wrap
    from edgeml_converters.routes.torch_onnx import by_torchscript
    from edgeml_converters.routes.torch_tflite import by_litert

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.my_conv = nn.Conv2d(4, 4, 3, padding=1)
            self.norm = nn.BatchNorm2d(4)
            self.act = nn.Hardswish()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.act(self.norm(self.my_conv(x)))

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(1, 4, 3, padding=1)
            self.blocks = nn.Sequential(Block(), Block())
            self.head = nn.Sequential(nn.Flatten(), nn.Linear(256, 3))

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.head(self.blocks(torch.relu(self.stem(image))))

    torch.manual_seed(0)
    net = Net().eval()
    image = np.zeros((2, 1, 8, 8), np.float32)
    program: Any = torch.onnx.export(
        net, (torch.from_numpy(image),), None, dynamo=True, output_names=["logits"], verbose=False
    )
    onnx.save(program.model_proto, folder / "dynamo.onnx")
    model: Any = wrap(net)
    for name, route in {"script": by_torchscript, "litert": by_litert}.items():
        (folder / name).mkdir()
        route(model, {"image": image}, ("logits",), folder / name)


def keras_files(folder: Path) -> None:
    """tf2onnx/model.onnx and saved/model.tflite by their routes."""
    import keras

    from edgeml_converters.frameworks.tensorflow_model import wrap
    from edgeml_converters.routes.tensorflow_onnx import by_tf2onnx
    from edgeml_converters.routes.tensorflow_tflite import by_saved_model

    keras.utils.set_random_seed(0)
    layers = keras.layers
    block = keras.Sequential(
        [keras.Input((8, 8, 4)), layers.Conv2D(4, 3, name="inner_1", activation="gelu")],
        name="block",
    )
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(4, 3, padding="same", name="stem", activation="relu")(image)
    x = layers.Reshape((36, 4), name="rows")(block(x))
    x = layers.GRU(5, name="memory")(x)
    net = keras.Model(image, layers.Dense(3, name="head")(x), name="net")
    model: Any = wrap(net)
    example = {"image": np.zeros((2, 8, 8, 1), np.float32)}
    for name, route in {"tf2onnx": by_tf2onnx, "saved": by_saved_model}.items():
        (folder / name).mkdir()
        route(model, example, ("head",), folder / name)


if __name__ == "__main__":
    {"torch": torch_files, "keras": keras_files}[sys.argv[1]](Path(sys.argv[2]))
