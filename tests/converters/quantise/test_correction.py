"""Biases take back what rounded weights add on average."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnxruntime import InferenceSession

from edgeml_converters.formats.tensors import Array
from edgeml_converters.quantise.correction import Mean, shift
from edgeml_converters.quantise.onnx import biases
from edgeml_converters.quantise.rounding import round_weight
from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters.quantise.float_onnx import SHAPES, write_onnx
from tests.converters.quantise.made import quantise_in_process, request, samples

RNG = np.random.default_rng(5)


def _rounded(weight: Array, axis: int) -> Array:
    steps, scale = round_weight(weight, axis)
    return steps * scale


def test_the_mean_is_of_all_that_was_added() -> None:
    mean = Mean()
    parts = RNG.normal(3, 1, (7, 2, 5)).astype(np.float32), RNG.normal(1, 1, (2, 5))
    for part in parts:
        mean.add(part)
    rows = np.concatenate([part.reshape(-1, 5) for part in parts])
    np.testing.assert_allclose(mean.value, rows.mean(axis=0))


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_the_mean_answer_of_rounded_weights_is_that_of_the_weights(groups: int) -> None:
    weight = RNG.normal(0, 1, (12, 6 // groups, 3)).astype(np.float32)
    x = RNG.normal(2, 1, (50, 6, 3))

    def answers(of: Array) -> Array:
        return np.concatenate(
            [
                np.einsum("nit,oit->no", part, rows)
                for part, rows in zip(np.split(x, groups, 1), np.split(of, groups), strict=True)
            ],
            axis=1,
        )

    # Each tap of a kernel sees the same mean, as in a picture that is far larger than it.
    mean = x.mean(axis=(0, 2))
    x[:] = mean[:, None]
    gained = shift(weight, mean, per_channel=True)
    np.testing.assert_allclose(answers(_rounded(weight, 0)) + gained, answers(weight), atol=1e-5)


def test_one_scale_for_all_channels_has_a_shift_of_its_own() -> None:
    weight = RNG.normal(0, 1, (4, 8)).astype(np.float32) * [[1.0], [0.1], [0.01], [0.001]]
    mean = np.full(8, 5.0)
    steps, scale = round_weight(weight, None)
    expected = (weight - steps * scale).sum(axis=1) * 5
    np.testing.assert_allclose(shift(weight, mean, per_channel=False), expected, atol=1e-6)


def _onnx(nodes: list[onnx.NodeProto], constants: dict[str, Array]) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "layers",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, None)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _floats(*shape: int) -> Array:
    return RNG.normal(0, 1, shape).astype(np.float32)


W, B, KERNEL = _floats(6, 4), _floats(6), _floats(6, 2, 3, 3)
Nodes = list[onnx.NodeProto]
ONNX: dict[str, tuple[Nodes, dict[str, Array], tuple[int, ...], int]] = {
    "Gemm": ([helper.make_node("Gemm", ["x", "w", "b"], ["y"], "n", transB=1)],
             {"w": W, "b": B}, (4,), -1),
    "Gemm without a bias": ([helper.make_node("Gemm", ["x", "w"], ["y"], "n")],
                            {"w": W.T.copy()}, (4,), -1),
    "MatMul and Add": ([helper.make_node("MatMul", ["x", "w"], ["m"], "n"),
                        helper.make_node("Add", ["b", "m"], ["y"], "a")],
                       {"w": W.T.copy(), "b": B}, (4,), -1),
    "Conv": ([helper.make_node("Conv", ["x", "w"], ["y"], "n", group=2)],
             {"w": KERNEL}, (4, 3, 3), 1),
    "ConvTranspose": ([helper.make_node("ConvTranspose", ["x", "w"], ["y"], "n", strides=[2, 2])],
                      {"w": _floats(4, 6, 2, 2)}, (4, 5, 5), 1),
}  # fmt: skip
# Kernels that stand beside the picture as often as on it: what they have, of what picture.
BESIDE: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "of one place": ("Conv", {"pads": [1, 1, 1, 1]}, (4, 1, 1)),
    "wider than the picture": ("Conv", {"pads": [3, 2, 3, 4], "dilations": [3, 3]}, (4, 2, 3)),
    "in steps": ("Conv", {"pads": [0, 1, 2, 1], "strides": [2, 3]}, (4, 4, 5)),
    "same, more behind": ("Conv", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (4, 4, 6)),
    "same, more in front": ("Conv", {"auto_pad": "SAME_LOWER", "strides": [2, 2]}, (4, 4, 6)),
    "valid": ("Conv", {"auto_pad": "VALID"}, (4, 4, 6)),
    "of a line": ("Conv", {"pads": [2, 0]}, (4, 3)),
    "of a room": ("Conv", {"pads": [1, 1, 1, 1, 1, 1]}, (4, 2, 1, 3)),
    "transposed, of one place": ("ConvTranspose", {"pads": [1, 1, 1, 1]}, (4, 1, 1)),
    "transposed, in steps": (
        "ConvTranspose",
        {"pads": [1, 0, 1, 1], "strides": [2, 3], "output_padding": [1, 0]},
        (4, 2, 3),
    ),
    "transposed, apart": ("ConvTranspose", {"dilations": [2, 1], "strides": [1, 4]}, (4, 2, 2)),
    "transposed, of a size": (
        "ConvTranspose",
        {"output_shape": [5, 8], "strides": [2, 3]},
        (4, 3, 3),
    ),
    "transposed, same": ("ConvTranspose", {"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (4, 3, 2)),
}
for _name, (_kind, _attributes, _picture) in BESIDE.items():
    _kernel = _floats(*((4, 6) if _kind == "ConvTranspose" else (6, 4)), *(3 for _ in _picture[1:]))
    _node = helper.make_node(_kind, ["x", "w"], ["y"], "n", **_attributes)
    ONNX[_name] = ([_node], {"w": _kernel}, _picture, 1)


@pytest.mark.parametrize("case", ONNX)
def test_a_layer_of_onnx_answers_its_mean_by_rounded_weights(case: str) -> None:
    nodes, constants, shape, axis = ONNX[case]
    model = _onnx(nodes, constants)
    mean = Mean()
    mean.add(_mean(shape)[None], axis)
    expected = _run(model, shape)
    assert biases.places(model) == {("x", axis)}
    _round_weights(model)
    off = np.abs(_run(model, shape) - expected).max()
    model = _onnx(nodes, constants)
    biases.correct_biases(model, {("x", axis): mean}, (), per_channel=True)
    _round_weights(model)
    assert np.abs(_run(model, shape) - expected).max() < 1e-5 < 1e-3 < off


def test_what_stays_in_float_keeps_its_bias() -> None:
    nodes, constants, _, axis = ONNX["Gemm"]
    model, mean = _onnx(nodes, constants), Mean()
    mean.add(np.ones((3, 4)))
    before = model.SerializeToString()
    biases.correct_biases(model, {("x", axis): mean}, {"n"}, per_channel=True)
    biases.correct_biases(model, {}, (), per_channel=True)
    assert model.SerializeToString() == before


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("Gemm", ["x", "w", "b"], ["y"], "n", transB=1, alpha=2.0),
        helper.make_node("Gemm", ["x", "w", "x"], ["y"], "n", transB=1),
        helper.make_node("MatMul", ["x", "w"], ["y"], "n"),
    ],
)
def test_what_has_no_plain_bias_is_left(node: onnx.NodeProto) -> None:
    assert biases.places(_onnx([node], {"w": W, "b": B})) == set()


def _mean(shape: tuple[int, ...]) -> Array:
    """The same at each place of a channel."""
    first, *rest = shape
    values = np.linspace(1, 4, first, dtype=np.float32).reshape(first, *(1 for _ in rest))
    return np.broadcast_to(values, shape)


def _run(model: onnx.ModelProto, shape: tuple[int, ...]) -> Array:
    """Over all places of a picture, since a transposed convolution has taps for each."""
    sized = any(one.name == "output_shape" for one in model.graph.node[0].attribute)
    # onnx's own evaluator, but for the attribute that it cannot follow.
    evaluator: Any = (
        InferenceSession(model.SerializeToString()) if sized else ReferenceEvaluator(model)
    )
    (answer,) = evaluator.run(None, {"x": _mean(shape)[None]})
    found = np.asarray(answer)
    return found.reshape(*found.shape[:2], -1).mean(axis=2)


def _round_weights(model: onnx.ModelProto) -> None:
    tensor = next(tensor for tensor in model.graph.initializer if tensor.name == "w")
    outputs = list(tensor.dims).index(6)
    rounded = _rounded(numpy_helper.to_array(tensor), outputs).astype(np.float32)
    tensor.CopyFrom(numpy_helper.from_array(rounded, "w"))


def test_a_file_is_off_by_little_on_average(tmp_path: Path) -> None:
    """Beside one of int8 weights that had no samples; both compute in float between layers."""
    entry = write_onnx("cnn", tmp_path / "cnn.onnx")
    floats = tuple(node.name for node in onnx.load(entry).graph.node)
    x, data = (samples(seed, 256, SHAPES["cnn"]) for seed in (1, 2))
    np.savez(tmp_path / "data.npz", x=data)
    requests = [
        request(entry, tmp_path / "weights", "int8-weights", tmp_path / "data.npz"),
        request(
            entry, tmp_path / "int8", "int8 minmax", tmp_path / "data.npz", float_activations=floats
        ),
    ]
    made = quantise_in_process(requests)
    files = [Path(one.folder) / done.entry for one, done in zip(requests, made, strict=True)]
    expected, alone, corrected = (
        OnnxEngine(file).run({"x": x})["y"].astype(np.float64) for file in (entry, *files)
    )
    off, less = (np.abs((of - expected).mean(axis=0)).mean() for of in (alone, corrected))
    assert off > 3 * less
