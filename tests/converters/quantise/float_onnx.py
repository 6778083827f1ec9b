"""Small float .onnx files of random weights, scaled as training leaves them, so that activations
keep their size from layer to layer on inputs that are standard normal."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

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
