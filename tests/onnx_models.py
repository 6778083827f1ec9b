"""ONNX files of a few nodes, made where they are needed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


def pair(path: Path, batch: int | None = None) -> Path:
    """total = a + b and difference = a - b over [batch, 3]; batch: None for any."""
    nodes = [
        helper.make_node("Add", ["a", "b"], ["total"]),
        helper.make_node("Sub", ["a", "b"], ["difference"]),
    ]
    shape = ["batch" if batch is None else batch, 3]
    return _save(path, nodes, {"a": shape, "b": shape}, {"total": shape, "difference": shape}, {})


def scale(path: Path, factor: float, width: int = 4) -> Path:
    """y = factor * x over [batch, width], as a matrix product, so that its weights are a tensor."""
    weights = (np.eye(width) * factor).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "weights"], ["y"])]
    shape: list[int | str] = ["batch", width]
    return _save(path, nodes, {"x": shape}, {"y": shape}, {"weights": weights})


def chances(path: Path, width: int = 4) -> Path:
    """y = sigmoid(x) over [batch, width]."""
    nodes = [helper.make_node("Sigmoid", ["x"], ["y"])]
    shape: list[int | str] = ["batch", width]
    return _save(path, nodes, {"x": shape}, {"y": shape}, {})


def roomy(path: Path, rows: int) -> Path:
    """y = the sum of sin(x) over `rows` copies of x [1, 4]: little in, little out, much between."""
    nodes = [
        helper.make_node("Tile", ["x", "times"], ["copies"]),
        helper.make_node("Sin", ["copies"], ["waves"]),
        helper.make_node("ReduceSum", ["waves", "axis"], ["y"]),
    ]
    constants = {"times": np.array([rows, 1], np.int64), "axis": np.array([0], np.int64)}
    return _save(path, nodes, {"x": [1, 4]}, {"y": [1, 4]}, constants)


def gain(path: Path, factor: float, width: int) -> Path:
    """y = factor * x over [batch, width], element by element: weights that no engine repacks."""
    weights = np.full(width, factor, np.float32)
    nodes = [helper.make_node("Mul", ["x", "weights"], ["y"])]
    shape: list[int | str] = ["batch", width]
    return _save(path, nodes, {"x": shape}, {"y": shape}, {"weights": weights})


def units(path: Path, factors: Sequence[float], positions: int) -> Path:
    """y = x times a factor for each channel, over [batch, positions, channels]."""
    nodes = [helper.make_node("Mul", ["x", "factors"], ["y"])]
    shape: list[int | str] = ["batch", positions, len(factors)]
    return _save(
        path, nodes, {"x": shape}, {"y": shape}, {"factors": np.array(factors, np.float32)}
    )


def padded(path: Path, width: int = 4) -> Path:
    """y = sin(x) over [batch, width] by way of an Identity, which an optimiser takes away."""
    nodes = [
        helper.make_node("Identity", ["x"], ["same"]),
        helper.make_node("Sin", ["same"], ["y"]),
    ]
    shape: list[int | str] = ["batch", width]
    return _save(path, nodes, {"x": shape}, {"y": shape}, {})


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: dict[str, list[int | str]],
    outputs: dict[str, list[int | str]],
    weights: Mapping[str, npt.NDArray[Any]],
) -> Path:
    def values(shapes: dict[str, list[int | str]]) -> list[onnx.ValueInfoProto]:
        return [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        ]

    graph = helper.make_graph(
        nodes,
        "test",
        values(inputs),
        values(outputs),
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    return path
