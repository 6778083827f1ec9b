"""Models of two inputs and data for them, to be compared."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

RNG = np.random.default_rng(0)


def normal_data(folder: Path, **shapes: tuple[int, ...]) -> Path:
    path = folder / "data.npz"
    arrays = {k: RNG.normal(size=(70, *shape)).astype(np.float32) for k, shape in shapes.items()}
    np.savez(path, labels=RNG.integers(0, 3, 70), **arrays)
    return path


def pair(path: Path, outputs: tuple[str, ...], inputs: tuple[str, str] = ("a", "b")) -> Path:
    """outputs = a + b, a - b and so on, in this order; over [batch, 3]."""
    ops = ("Add", "Sub", "Mul")[: len(outputs)]
    nodes = [helper.make_node(o, list(inputs), [y]) for o, y in zip(ops, outputs, strict=True)]

    def values(names: tuple[str, ...]) -> list[onnx.ValueInfoProto]:
        return [helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 3]) for n in names]

    graph = helper.make_graph(nodes, "test", values(inputs), values(outputs))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path
