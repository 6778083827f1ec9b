"""Which operators of a file have weights, and how many."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.formats.ops import Op, ops_of, sharing_weights, weights_of


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
    assert next(op.weight_names for op in ops_of("onnx", file) if op.name == "layer") == ("turned",)


def test_weights_that_several_take_are_counted_once_and_stay_together() -> None:
    """As the steps of an unrolled recurrent layer."""
    steps = [
        Op(f"step{n}", "MatMul", ("x", "w"), (f"h{n}",), weights=24, weight_names=("w",))
        for n in range(3)
    ]
    head = Op("head", "MatMul", ("h2", "v"), ("y",), weights=10, weight_names=("v",))
    other = Op("other", "MatMul", ("x", "u"), ("z",), weights=5)
    ops = [*steps, Op("act", "Tanh", ("h0",), ("a",)), head, other]
    assert weights_of(ops) == 39
    assert sharing_weights(ops) == {
        **{f"step{n}": ("step0", "step1", "step2") for n in range(3)},
        "head": ("head",),
        "other": ("other",),
    }
