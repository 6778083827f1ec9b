"""Which operators of a file have weights, and how many."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.formats.ops import ops_of


@pytest.mark.parametrize("told", [True, False])
def test_weights_behind_nodes_that_move_them_are_the_layers(tmp_path: Path, told: bool) -> None:
    """As the exporter cuts the projections of an attention and the gates of an LSTM."""
    nodes = [
        helper.make_node("Slice", ["both", "zero", "four", "zero"], ["first"], "cut"),
        helper.make_node("Transpose", ["first"], ["turned"], "turn", perm=[1, 0]),
        helper.make_node("MatMul", ["x", "turned"], ["h"], "layer"),
        helper.make_node("Transpose", ["h"], ["y"], "moves"),
    ]
    values = {
        "both": np.ones((12, 6), np.float32), "zero": np.array([0]), "four": np.array([4])
    }  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "cut",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 1])],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
        value_info=[
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in (("first", [4, 6]), ("turned", [6, 4]))
            if told
        ],
    )
    file = tmp_path / "cut.onnx"
    onnx.save(helper.make_model(graph), file)
    found = {op.name: op.weights for op in ops_of("onnx", file)}
    assert found == {"cut": 0, "turn": 0, "layer": 24, "moves": 0}
