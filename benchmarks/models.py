"""Networks to measure with, built from seeded random weights: no framework, no download."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IR_VERSION = 8
OPSET = 17
CLASSES = 1000
# MobileNetV2 (Sandler et al. 2018, table 2): expansion, channels, repeats, first stride.
_BLOCKS = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    (6, 320, 1, 1),
)  # fmt: skip


class _Graph:
    """Nodes and weights in the order in which they are added."""

    def __init__(self, seed: int) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self._random = np.random.default_rng(seed)

    def weight(self, *shape: int, fan_in: int) -> str:
        name = f"w{len(self.weights)}"
        values = self._random.normal(0, np.sqrt(2 / fan_in), shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def bias(self, size: int) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.zeros(size, np.float32), name))
        return name

    def node(self, op: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        name = output or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def convolution(
        self, x: str, channels: int, to: int, *, kernel: int = 1, stride: int = 1,
        depthwise: bool = False, relu6: bool = True,
    ) -> str:  # fmt: skip
        group = channels if depthwise else 1
        fan_in = channels // group * kernel * kernel
        y = self.node(
            "Conv", x, self.weight(to, channels // group, kernel, kernel, fan_in=fan_in),
            self.bias(to), kernel_shape=[kernel] * 2, strides=[stride] * 2,
            pads=[kernel // 2] * 4, group=group,
        )  # fmt: skip
        return self.node("Clip", y, "zero", "six") if relu6 else y

    def save(self, path: Path, shape: list[int], width: int) -> Path:
        used = {name for node in self.nodes for name in node.input}
        limits = [
            numpy_helper.from_array(np.array(value, np.float32), name)
            for name, value in (("zero", 0), ("six", 6))
            if name in used
        ]
        graph = helper.make_graph(
            self.nodes,
            path.stem,
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [shape[0], width])],
            [*limits, *self.weights],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        onnx.checker.check_model(model)
        path.write_bytes(model.SerializeToString())
        return path


def mobilenet_v2(path: Path, seed: int) -> Path:
    """MobileNetV2 1.0: 3.5 million parameters, 14 MB, image [1, 3, 224, 224] to scores [1, 1000].

    Batch normalisation is folded into the convolutions, as in every exported network.
    """
    graph = _Graph(seed)
    x, channels = graph.convolution("image", 3, 32, kernel=3, stride=2), 32
    for expansion, to, repeats, first_stride in _BLOCKS:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            hidden = channels * expansion
            y = x if expansion == 1 else graph.convolution(x, channels, hidden)
            y = graph.convolution(y, hidden, hidden, kernel=3, stride=stride, depthwise=True)
            y = graph.convolution(y, hidden, to, relu6=False)
            x = graph.node("Add", x, y) if stride == 1 and channels == to else y
            channels = to
    x = graph.convolution(x, channels, 1280)
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    graph.node(
        "Gemm", x, graph.weight(CLASSES, 1280, fan_in=1280), graph.bias(CLASSES),
        output="scores", transB=1,
    )  # fmt: skip
    return graph.save(path, [1, 3, 224, 224], CLASSES)


def tiny(path: Path, seed: int) -> Path:
    """Three dense layers of 64: image [1, 64] to scores [1, 64] in some 10 µs."""
    graph = _Graph(seed)
    x = "image"
    for layer in range(3):
        last = layer == 2
        x = graph.node(
            "Gemm", x, graph.weight(64, 64, fan_in=64), graph.bias(64),
            output="scores" if last else None,
        )  # fmt: skip
        if not last:
            x = graph.node("Relu", x)
    return graph.save(path, [1, 64], 64)
