"""Biases of .tflite files take back what rounded weights add on average; what shares weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.formats.tensors import Array
from edgeml_converters.formats.tflite_edit import floats_of, read, tensor_name, write
from edgeml_converters.quantise.correction import Mean
from edgeml_converters.quantise.rounding import round_weight
from edgeml_converters.quantise.tflite.biases import correct_biases, places
from edgeml_converters.quantise.tflite.shared import part_kept
from edgeml_runtime.engines.tflite import LitertEngine
from tests.converters.quantise.tflite_answers import answer
from tests.converters.tflite_files import Graph, Op, Tensor, content

pytestmark = pytest.mark.tensorflow

RNG = np.random.default_rng(6)
KINDS = schema.BuiltinOptions


def _floats(*shape: int) -> Array:
    return RNG.normal(0, 1, shape).astype(np.float32)


def _of(kind: str, *, same: bool = False, step: int = 1, apart: int = 1) -> tuple[int, Any]:
    options: Any
    if kind == "FULLY_CONNECTED":
        return KINDS.FullyConnectedOptions, schema.FullyConnectedOptionsT()
    if kind == "CONV_2D":
        number, options = KINDS.Conv2DOptions, schema.Conv2DOptionsT()
    elif kind == "TRANSPOSE_CONV":
        number, options = KINDS.TransposeConvOptions, schema.TransposeConvOptionsT()
    else:
        number, options = KINDS.DepthwiseConv2DOptions, schema.DepthwiseConv2DOptionsT()
        options.depthMultiplier = 2
    options.padding = schema.Padding.SAME if same else schema.Padding.VALID
    options.strideH = options.strideW = step
    if kind != "TRANSPOSE_CONV":
        options.dilationHFactor = options.dilationWFactor = apart
    return number, options


def _layer(kind: str, weight: Array, x: tuple[int, ...], y: tuple[int, ...], bias: int) -> Any:
    """bias: of how many axes, 0 for none."""
    tensors = [Tensor("x", x), Tensor("y", y), Tensor("w", values=weight)]
    if bias:
        tensors.append(Tensor("b", values=_floats(y[-1])))
    op = Op(kind, (0, 2, 3 if bias else -1), (1,), options=_of(kind))
    return read(content(Graph(tensors, [op], outputs=(1,))))


# The weights, what is taken and given, into how many channels it is parted, the axis of outputs.
LAYERS: dict[str, tuple[Array, tuple[int, ...], tuple[int, ...], int, int]] = {
    "FULLY_CONNECTED": (_floats(5, 8), (1, 2, 4), (1, 5), 8, 0),
    "CONV_2D": (_floats(6, 3, 3, 2), (1, 3, 3, 4), (1, 1, 1, 6), 4, 0),  # two groups
    "DEPTHWISE_CONV_2D": (_floats(1, 3, 3, 8), (1, 3, 3, 4), (1, 1, 1, 8), 4, 3),
}


@pytest.mark.parametrize(
    ("kind", "bias"), [*((kind, 1) for kind in LAYERS), ("FULLY_CONNECTED", 0)]
)
def test_a_layer_answers_its_mean_by_rounded_weights(kind: str, bias: int, tmp_path: Path) -> None:
    weight, taken, given, width, axis = LAYERS[kind]
    model = _layer(kind, weight, taken, given, bias)
    x = np.broadcast_to(np.linspace(1, 4, width, dtype=np.float32), (1, 9, width))
    x = x[:, : np.prod(taken) // width].reshape(taken)
    expected = _run(model, x, tmp_path)
    mean = Mean()
    mean.add(x if x.shape[-1] == width else x.reshape(-1, width))
    assert places(model) == {("x", width)}
    before = write(model)
    _round(model, axis)
    off = np.abs(_run(model, x, tmp_path) - expected).max()
    model = read(before)
    correct_biases(model, {("x", width): mean}, (), per_channel=True)
    _round(model, axis)
    assert np.abs(_run(model, x, tmp_path) - expected).max() < 1e-4 < 2e-3 < off


@pytest.mark.parametrize(
    ("kind", "taken", "given", "how"),
    [
        ("CONV_2D", (1, 1, 1, 4), (1, 1, 1, 6), {}),
        ("CONV_2D", (1, 2, 3, 4), (1, 2, 3, 6), {"apart": 3}),
        ("CONV_2D", (1, 4, 5, 4), (1, 2, 3, 6), {"step": 2}),
        ("DEPTHWISE_CONV_2D", (1, 2, 2, 3), (1, 2, 2, 6), {}),
        ("DEPTHWISE_CONV_2D", (1, 4, 4, 3), (1, 2, 2, 6), {"step": 2}),
        ("TRANSPOSE_CONV", (1, 1, 1, 4), (1, 1, 1, 6), {}),
        ("TRANSPOSE_CONV", (1, 2, 3, 4), (1, 4, 6, 6), {"step": 2}),
        ("TRANSPOSE_CONV", (1, 2, 3, 4), (1, 5, 7, 6), {"step": 2, "same": False}),
    ],
)
def test_taps_beside_the_picture_read_nothing(
    kind: str, taken: tuple[int, ...], given: tuple[int, ...], how: dict[str, Any], tmp_path: Path
) -> None:
    """Means over all places of the answer, of a picture that is the same everywhere."""
    depthwise = kind == "DEPTHWISE_CONV_2D"
    weight = _floats(1, 3, 3, 6) if depthwise else _floats(6, 3, 3, taken[-1])
    tensors = [Tensor("x", taken), Tensor("y", given), Tensor("w", values=weight)]
    tensors.append(Tensor("b", values=_floats(6)))
    inputs = (0, 2, 3)
    if kind == "TRANSPOSE_CONV":
        tensors.append(
            Tensor("shape", type=schema.TensorType.INT32, values=np.array(given, np.int32))
        )
        inputs = (4, 2, 0, 3)
    op = Op(kind, inputs, (1,), options=_of(kind, **{"same": True, **how}))
    model = read(content(Graph(tensors, [op], outputs=(1,))))
    x = np.broadcast_to(np.linspace(1, 4, taken[-1], dtype=np.float32), taken)

    def means() -> Array:
        return _run(model, x, tmp_path).reshape(-1, 6).mean(axis=0)

    expected, before, mean = means(), write(model), Mean()
    mean.add(x)
    _round(model, 3 if depthwise else 0)
    off = np.abs(means() - expected).max()
    model = read(before)
    correct_biases(model, {("x", taken[-1]): mean}, (), per_channel=True)
    _round(model, 3 if depthwise else 0)
    assert np.abs(means() - expected).max() < 1e-4 < 1e-3 < off


def test_what_stays_in_float_keeps_its_bias() -> None:
    model = _layer("FULLY_CONNECTED", *LAYERS["FULLY_CONNECTED"][:3], 1)
    before = write(model)
    correct_biases(model, {("x", 8): Mean()}, {"y"}, per_channel=True)
    correct_biases(model, {}, (), per_channel=True)
    assert write(model) == before


def _twice() -> Any:
    """Two layers with the same weights and the same bias, one after the other."""
    tensors = [
        Tensor("x"), Tensor("a"), Tensor("y"),
        Tensor("w", values=_floats(4, 4)), Tensor("b", values=_floats(4)),
    ]  # fmt: skip
    ops = [
        Op("FULLY_CONNECTED", (0, 3, 4), (1,), options=_of("FULLY_CONNECTED")),
        Op("FULLY_CONNECTED", (1, 3, 4), (2,), options=_of("FULLY_CONNECTED")),
    ]
    return read(content(Graph(tensors, ops, outputs=(2,))))


def test_layers_that_share_a_bias_get_one_each(tmp_path: Path) -> None:
    model = _twice()
    main = model.subgraphs[0]
    means = {("x", 4): Mean(), ("a", 4): Mean()}
    means["x", 4].add(np.full((2, 4), 1.0))
    means["a", 4].add(np.full((2, 4), -7.0))
    bias = floats_of(model, main.tensors[4]).copy()
    correct_biases(model, means, (), per_channel=True)
    first, second = ([int(index) for index in op.inputs] for op in main.operators)
    assert first[1] == second[1] == 3 and first[2] != second[2]
    gained = [floats_of(model, main.tensors[one[2]]) - bias for one in (first, second)]
    np.testing.assert_allclose(gained[1], -7 * gained[0], atol=1e-5)
    _run(model, np.ones((1, 4), np.float32), tmp_path)


def test_what_stays_in_float_has_weights_of_its_own(tmp_path: Path) -> None:
    """litert-quantizer raises where it parts them itself and the others take them as floats."""
    model = _twice()
    expected = _run(model, np.ones((1, 4), np.float32), tmp_path)
    part_kept(model, ("y",))
    main = model.subgraphs[0]
    first, second = (tensor_name(main.tensors[int(op.inputs[1])]) for op in main.operators)
    assert (first, second) == ("w", "w_kept")
    np.testing.assert_array_equal(_run(model, np.ones((1, 4), np.float32), tmp_path), expected)
    before = write(model)
    part_kept(model, ("y",))
    part_kept(model, ("a", "y"))
    assert write(model) == before


def _round(model: Any, axis: int) -> None:
    tensor = next(t for t in model.subgraphs[0].tensors if tensor_name(t) == "w")
    steps, scale = round_weight(floats_of(model, tensor), axis)
    rounded = (steps * scale).astype(np.float32)
    model.buffers[tensor.buffer].data = np.frombuffer(rounded.tobytes(), np.uint8)


def _run(model: Any, x: Array, folder: Path) -> Array:
    file = folder / "model.tflite"
    file.write_bytes(write(model))
    return answer(LitertEngine, file, x)
