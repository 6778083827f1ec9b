"""Small models that are profiled."""

from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from tests.converters import tflite_models

RNG = np.random.default_rng(0)
PROBES = Path(__file__).parents[3] / "runtime" / "edgeml_runtime" / "engines"


def onnx_file(path: Path, nodes: list[Any], inputs: Any, output: str, **weights: Any) -> Path:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(k, TensorProto.FLOAT, v) for k, v in inputs.items()],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(a), name) for name, a in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def onnx_convolution(path: Path) -> Path:
    """The same net as tflite_models.convolution with 2 channels, 3 maps and 5 scores."""
    nodes = [
        helper.make_node("Conv", ["image", "kernel", "bias"], ["maps"], "conv", pads=[1] * 4),
        helper.make_node("Transpose", ["maps"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("MatMul", ["last", "matrix"], ["scores"]),
    ]
    kernel = RNG.normal(size=(3, 2, 3, 3)).astype(np.float32)
    matrix = RNG.normal(size=(3, 5)).astype(np.float32)
    bias = np.zeros(3, np.float32)
    shape = ["batch", 2, 4, 4]
    return onnx_file(
        path, nodes, {"image": shape}, "scores", kernel=kernel, bias=bias, matrix=matrix
    )


def tflite_convolution(path: Path) -> Path:
    return tflite_models.convolution(path, RNG.normal(size=(3, 3, 3, 2)), RNG.normal(size=(5, 3)))
