"""The roles that graphs show, of both formats, behind what exporters put after an activation."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper

from edgeml.parity.roles import Role
from edgeml_converters.roles.assume import read_roles_graph
from edgeml_converters.roles.graph import graph_roles
from tests.converters.tflite_files import Graph, Op, Tensor, write

SAMPLES = 6
INT64 = TensorProto.INT64


def _onnx(
    folder: Path,
    nodes: list[onnx.NodeProto],
    shape: list[int | str],
    opset: int = 17,
    **constants: list[int],
) -> Path:
    """x of `shape` -> y."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [helper.make_tensor(name, INT64, [len(v)], v) for name, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    path = folder / "model.onnx"
    onnx.save(model, path)
    return path


def _roles(path: Path, *shape: int) -> list[tuple[Any, ...]]:
    graph = read_roles_graph("onnx" if path.suffix == ".onnx" else "tflite", path)
    found = graph_roles(graph, "y", (SAMPLES, *shape))
    assert all(role.source == "graph" for role in found)
    return [(role.kind, role.axis, role.start, role.stop) for role in found]


def node(kind: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(kind, inputs.split(), outputs.split(), **attributes)


def test_a_softmax_is_probabilities_on_its_axis(tmp_path: Path) -> None:
    path = _onnx(tmp_path, [node("Softmax", "x", "y", axis=1)], ["batch", 21, 32, 32])
    assert _roles(path, 21, 32, 32) == [("probabilities", 1, 0, None)]


def test_its_axis_goes_with_a_transposition_and_a_cast(tmp_path: Path) -> None:
    nodes = [
        node("Softmax", "x", "p", axis=1),
        node("Transpose", "p", "t", perm=[0, 2, 3, 1]),
        node("Cast", "t", "y", to=TensorProto.FLOAT16),
    ]
    path = _onnx(tmp_path, nodes, ["batch", 21, 32, 32])
    assert _roles(path, 32, 32, 21) == [("probabilities", 3, 0, None)]


def test_of_axes_of_one_size_that_were_turned_none_is_guessed(tmp_path: Path) -> None:
    nodes = [node("Softmax", "x", "p", axis=1), node("Transpose", "p", "y", perm=[0, 2, 3, 1])]
    path = _onnx(tmp_path, nodes, ["batch", 8, 8, 8])
    assert _roles(path, 8, 8, 8) == []
    path = _onnx(tmp_path, [node("Softmax", "x", "y", axis=1)], ["batch", 8, 8, 8])
    assert _roles(path, 8, 8, 8) == [("probabilities", 1, 0, None)]


def test_a_logarithm_of_probabilities_is_logits(tmp_path: Path) -> None:
    path = _onnx(tmp_path, [node("LogSoftmax", "x", "y")], ["batch", 7])
    assert _roles(path, 7) == [("logits", 1, 0, None)]


@pytest.mark.parametrize(("shape", "kind"), [((5,), "scores"), ((1, 16, 16), "mask")])
def test_a_sigmoid_is_scores_and_of_four_axes_a_mask(
    tmp_path: Path, shape: tuple[int, ...], kind: str
) -> None:
    path = _onnx(tmp_path, [node("Sigmoid", "x", "y")], ["batch", *shape])
    assert _roles(path, *shape) == [(kind, None, 0, None)]


def test_what_is_quantised_and_back_means_the_same(tmp_path: Path) -> None:
    nodes = [
        node("Sigmoid", "x", "p"),
        node("QuantizeLinear", "p scale", "q"),
        node("DequantizeLinear", "q scale", "y"),
    ]
    path = _onnx(tmp_path, nodes, ["batch", 5])
    assert _roles(path, 5) == [("scores", None, 0, None)]


def test_a_division_by_the_length_is_an_embedding(tmp_path: Path) -> None:
    """As torch.nn.functional.normalize is exported."""
    nodes = [
        node("ReduceL2", "x", "length", axes=[1], keepdims=1),
        node("Clip", "length least", "clipped"),
        node("Shape", "x", "shape"),
        node("Expand", "clipped shape", "wide"),
        node("Div", "x wide", "y"),
    ]
    path = _onnx(tmp_path, nodes, ["batch", 64])
    assert _roles(path, 64) == [("embedding", 1, 0, None)]


def test_the_axis_of_a_length_may_be_an_input_as_from_opset_18_on(tmp_path: Path) -> None:
    nodes = [node("ReduceL2", "x axes", "length"), node("Div", "x length", "y")]
    path = _onnx(tmp_path, nodes, ["batch", 8, 16, 32], opset=18, axes=[1])
    assert _roles(path, 8, 16, 32) == [("embedding", 1, 0, None)]
    path = _onnx(tmp_path, nodes, ["batch", 8, 16, 32], opset=18, axes=[2, 3])
    assert _roles(path, 8, 16, 32) == []


def test_a_division_by_something_else_is_not(tmp_path: Path) -> None:
    nodes = [node("ReduceL2", "z", "length", axes=[1]), node("Div", "x length", "y")]
    assert _roles(_onnx(tmp_path, nodes, ["batch", 64]), 64) == []


def test_ranges_of_channels_are_known_by_what_was_put_side_by_side(tmp_path: Path) -> None:
    """A detector of the YOLO kind: boxes beside the sigmoid of its scores, as rows of columns."""
    nodes = [
        node("Split", "x sizes", "boxes classes", axis=1),
        node("Mul", "boxes boxes", "pixels"),
        node("Sigmoid", "classes", "scores"),
        node("Concat", "pixels scores", "rows", axis=1),
        node("Transpose", "rows", "y", perm=[0, 2, 1]),
    ]
    path = _onnx(tmp_path, nodes, ["batch", 84, 300], sizes=[4, 80])
    assert _roles(path, 300, 84) == [("scores", 2, 4, 84)]


def test_ranges_inside_ranges_are_found(tmp_path: Path) -> None:
    nodes = [
        node("Split", "x sizes", "a b c", axis=2),
        node("Sigmoid", "b", "sure"),
        node("Softmax", "c", "which", axis=2),
        node("Concat", "sure which", "tail", axis=2),
        node("Concat", "a tail", "y", axis=-1),
    ]
    path = _onnx(tmp_path, nodes, ["batch", 50, 25], sizes=[4, 1, 20])
    assert _roles(path, 50, 25) == [("scores", 2, 4, 5), ("probabilities", 2, 5, 25)]


def test_heads_put_one_behind_the_other_along_another_axis_are_not_ranges_of_channels(
    tmp_path: Path,
) -> None:
    """Anchors of two scales: each has all the channels."""
    nodes = [
        node("Split", "x sizes", "a b", axis=1),
        node("Sigmoid", "a", "p"),
        node("Sigmoid", "b", "q"),
        node("Concat", "p q", "y", axis=1),
    ]
    path = _onnx(tmp_path, nodes, ["batch", 500, 3], sizes=[400, 100])
    assert _roles(path, 500, 3) == [("scores", None, 0, None)]


def test_ranges_of_anchors_of_several_scales_are_those_of_each(tmp_path: Path) -> None:
    nodes = [node("Split", "x sizes", "a b", axis=1)]
    for scale in "ab":
        nodes += [
            node("Split", f"{scale} parts", f"{scale}box {scale}logits", axis=2),
            node("Sigmoid", f"{scale}logits", f"{scale}scores"),
            node("Concat", f"{scale}box {scale}scores", f"{scale}rows", axis=2),
        ]
    nodes.append(node("Concat", "arows brows", "y", axis=1))
    path = _onnx(tmp_path, nodes, ["batch", 500, 7], sizes=[400, 100], parts=[4, 3])
    assert _roles(path, 500, 7) == [("scores", 2, 4, 7)]


def test_an_axis_that_cannot_be_told_is_not_guessed(tmp_path: Path) -> None:
    nodes = [
        node("Softmax", "x", "p", axis=1),
        node("Reshape", "p sizes", "y"),
    ]
    path = _onnx(tmp_path, nodes, ["batch", 8, 16], sizes=[-1, 8, 2, 8])
    assert _roles(path, 8, 2, 8) == []


def test_logits_boxes_and_numbers_show_nothing(tmp_path: Path) -> None:
    path = _onnx(tmp_path, [node("Mul", "x x", "y")], ["batch", 5])
    assert _roles(path, 5) == []


def _joined(axis: int) -> tuple[int, Any]:
    options: Any = schema.ConcatenationOptionsT()
    options.axis = axis
    return schema.BuiltinOptions.ConcatenationOptions, options


def test_a_tflite_graph_shows_the_same(tmp_path: Path) -> None:
    tensors = [
        Tensor("x", (1, 9, 80)),
        Tensor("boxes", (1, 9, 4)),
        Tensor("scores", (1, 9, 80)),
        Tensor("rows", (1, 9, 84)),
        Tensor("y", (1, 9, 84)),
    ]
    ops = [
        Op("LOGISTIC", (0,), (2,)),
        Op("CONCATENATION", (1, 2), (3,), options=_joined(2)),
        Op("DEQUANTIZE", (3,), (4,)),
    ]
    file = write(tmp_path / "model.tflite", Graph(tensors, ops, inputs=(0, 1), outputs=(4,)))
    assert _roles(file, 9, 84) == [("scores", 2, 4, 84)]


@pytest.mark.parametrize(
    ("kind", "role"),
    [("SOFTMAX", "probabilities"), ("LOG_SOFTMAX", "logits"), ("L2_NORMALIZATION", "embedding")],
)
def test_tflite_activations_are_along_the_last_axis(tmp_path: Path, kind: str, role: str) -> None:
    tensors = [Tensor("x", (1, 12)), Tensor("y", (1, 12))]
    file = write(tmp_path / "model.tflite", Graph(tensors, [Op(kind, (0,), (1,))], outputs=(1,)))
    assert _roles(file, 12) == [(role, 1, 0, None)]


def test_roles_are_documents_that_compare() -> None:
    assert Role(kind="scores") == Role(kind="scores") != Role(kind="scores", axis=1)
    assert np.isclose(Role().threshold, 0.5)
