"""Small float models with random weights, to be made less precise, and the process that does that.

`write_onnx` makes .onnx files here; `write_tflite` has a process with a framework make .tflite
files by edgeml's own routes. Weights are scaled as training leaves them, so that activations keep
their size from layer to layer, and every input is standard normal.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.steps.messages import Quantise, Quantised

Array = npt.NDArray[np.float32]
OPSET = 17
# Of one sample of each model's input.
SHAPES = {
    "cnn": (3, 12, 12),
    "gru": (10, 6),
    "lstm": (10, 6),
    "transformer": (8, 16),
    "elu": (24,),
}


class Graph:
    """Nodes and weights as they are added; `x` goes in, what `save` is given comes out as `y`."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def weight(self, *shape: int, fan_in: int) -> str:
        """Normal numbers with the standard deviation sqrt(2 / fan_in) (He et al., 2015)."""
        return self.constant(self._rng.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32))

    def bias(self, *shape: int) -> str:
        return self.constant(self._rng.normal(0, 0.1, shape).astype(np.float32))

    def constant(self, value: npt.NDArray[Any]) -> str:
        name = f"constant_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(value, name))
        return name

    def add(self, op: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """Adds a node named after its op and place; returns its last output."""
        name = f"{op}_{len(self._nodes)}"
        names = [f"{name}_out{i}" if i < outputs - 1 else f"{name}_out" for i in range(outputs)]
        self._nodes.append(helper.make_node(op, inputs, names, name=name, **attributes))
        return names[-1]

    def save(self, path: Path, shape: Sequence[int], result: str, width: int) -> Path:
        self._nodes.append(helper.make_node("Identity", [result], ["y"], name="last"))
        graph = helper.make_graph(
            self._nodes,
            "float",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", width])],
            self._weights,
        )
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString(deterministic=True))
        return path


def _cnn(g: Graph) -> tuple[str, int]:
    """Convolutions, one of them depthwise, a transposed one, pooling and a dense layer."""
    x = g.add("Conv", "x", g.weight(16, 3, 3, 3, fan_in=27), g.bias(16), pads=[1, 1, 1, 1])
    x = g.add("Relu", x)
    x = g.add("Conv", x, g.weight(16, 1, 3, 3, fan_in=9), g.bias(16), pads=[1] * 4, group=16)
    x = g.add("Clip", x, g.constant(np.array(0, np.float32)), g.constant(np.array(6, np.float32)))
    x = g.add("Conv", x, g.weight(32, 16, 1, 1, fan_in=16), g.bias(32))
    x = g.add("HardSwish", x)
    x = g.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = g.add("ConvTranspose", x, g.weight(32, 16, 2, 2, fan_in=32), g.bias(16), strides=[2, 2])
    x = g.add("Flatten", g.add("GlobalAveragePool", x))
    return g.add("Gemm", x, g.weight(5, 16, fan_in=16), g.bias(5), transB=1), 5


def _recurrent(g: Graph, op: str, gates: int) -> tuple[str, int]:
    """One bidirectional layer with one dense layer after its last step."""
    hidden, features = 24, 6
    time_first = g.add("Transpose", "x", perm=[1, 0, 2])
    weights = (
        g.weight(2, gates * hidden, features, fan_in=features),
        g.weight(2, gates * hidden, hidden, fan_in=2 * hidden),
        g.bias(2, 2 * gates * hidden),
    )
    outputs = 2 if op == "GRU" else 3
    extra = {"linear_before_reset": 1} if op == "GRU" else {}
    states = g.add(
        op, time_first, *weights, outputs=outputs, hidden_size=hidden, direction="bidirectional",
        **extra,
    )  # fmt: skip
    first = states if op == "GRU" else states.removesuffix("out") + "out1"
    batch_first = g.add("Transpose", first, perm=[1, 0, 2])
    flat = g.add("Reshape", batch_first, g.constant(np.array([0, 2 * hidden], np.int64)))
    return g.add("Gemm", flat, g.weight(5, 2 * hidden, fan_in=2 * hidden), g.bias(5), transB=1), 5


def _gru(g: Graph) -> tuple[str, int]:
    return _recurrent(g, "GRU", 3)


def _lstm(g: Graph) -> tuple[str, int]:
    return _recurrent(g, "LSTM", 4)


def _transformer(g: Graph) -> tuple[str, int]:
    """One encoder block of two heads with an exact GELU."""
    width, heads, steps = 16, 2, 8
    split = g.constant(np.array([0, steps, heads, width // heads], np.int64))

    def dense(x: str, into: int, out: int) -> str:
        product = g.add("MatMul", x, g.weight(into, out, fan_in=2 * into))
        return g.add("Add", product, g.bias(out))

    def norm(x: str) -> str:
        scale = g.constant(np.ones(width, np.float32))
        return g.add("LayerNormalization", x, scale, g.bias(width), axis=-1)

    def head(perm: list[int]) -> str:
        return g.add("Transpose", g.add("Reshape", dense("x", width, width), split), perm=perm)

    query, key, value = head([0, 2, 1, 3]), head([0, 2, 3, 1]), head([0, 2, 1, 3])
    scores = g.add("Mul", g.add("MatMul", query, key), g.constant(np.array(8**-0.5, np.float32)))
    mixed = g.add("Transpose", g.add("MatMul", g.add("Softmax", scores), value), perm=[0, 2, 1, 3])
    joined = g.add("Reshape", mixed, g.constant(np.array([0, steps, width], np.int64)))
    x = norm(g.add("Add", "x", dense(joined, width, width)))
    inner = dense(x, width, 2 * width)
    erf = g.add("Erf", g.add("Div", inner, g.constant(np.array(2**0.5, np.float32))))
    half = g.add("Mul", inner, g.constant(np.array(0.5, np.float32)))
    gelu = g.add("Mul", half, g.add("Add", erf, g.constant(np.array(1, np.float32))))
    x = norm(g.add("Add", x, dense(gelu, 2 * width, width)))
    return dense(g.add("ReduceMean", x, axes=[1], keepdims=0), width, 5), 5


def _elu(g: Graph) -> tuple[str, int]:
    """An autoencoder."""
    x, widths = "x", (24, 32, 8, 32, 24)
    for layer, (into, out) in enumerate(pairwise(widths)):
        if layer:
            x = g.add("Elu", x)
        x = g.add("Gemm", x, g.weight(out, into, fan_in=into), g.bias(out), transB=1)
    return x, 24


ONNX: dict[str, Callable[[Graph], tuple[str, int]]] = {
    "cnn": _cnn,
    "gru": _gru,
    "lstm": _lstm,
    "transformer": _transformer,
    "elu": _elu,
}


def write_onnx(name: str, path: Path) -> Path:
    """Writes one model of `ONNX`: input `x`, output `y`, the batch free."""
    graph = Graph(seed=sorted(ONNX).index(name))
    result, width = ONNX[name](graph)
    return graph.save(path, SHAPES[name], result, width)


def write_tflite(maker: str, folder: Path) -> None:
    """Writes FOLDER/NAME/model.tflite for every name in `KERAS` (maker "keras") or `TORCH`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.converters.float_models", maker, str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "KERAS_BACKEND": "tensorflow", "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr


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


def samples(seed: int, count: int, shape: Sequence[int]) -> Array:
    """Standard normal."""
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)


def request(entry: Path, folder: Path, way: str, data: Path, **options: Any) -> Quantise:
    """way: a precision, for int8 with the calibrator behind a space."""
    precision, _, calibrator = way.partition(" ")
    asked = {
        "format": entry.suffix.removeprefix("."),
        "precision": precision,
        "entry": str(entry),
        "folder": str(folder),
        "calibration": str(data),
        "calibrator": calibrator or None,
    }
    return msgspec.convert({**asked, **options}, Quantise)


_ANSWER = """
import sys
import msgspec
from edgeml_converters.steps.messages import Quantise
from edgeml_converters.quantise import quantise
requests = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Quantise])
answers = msgspec.json.encode([quantise(request) for request in requests])
sys.__stdout__.write("\\n" + answers.decode())
"""


def quantise_in_process(requests: Sequence[Quantise], hash_seed: int = 0) -> list[Quantised]:
    """All requests, one after the other, in a process like a worker's."""
    done = subprocess.run(
        [sys.executable, "-c", _ANSWER],
        input=msgspec.json.encode(requests),
        capture_output=True,
        timeout=300,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=list[Quantised])


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
