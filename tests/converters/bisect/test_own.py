"""What an operator adds by itself, whatever came before it or stands beside it."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml.evidence import TensorFidelity
from edgeml_converters.bisect.culprit import culprit
from edgeml_converters.bisect.own import OwnNoise, channel_axes
from edgeml_converters.bisect.trace import trace
from tests.converters.bisect.test_tflite import layers as tflite_layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 6)).astype(np.float32)
WEIGHTS = RNG.normal(size=(6, 6)).astype(np.float32)
Weights = npt.NDArray[np.float32]


def _saved(path: Path, nodes: list[onnx.NodeProto], **weights: npt.NDArray[Any]) -> Path:
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def _branches(path: Path, left: Weights, right: Weights) -> Path:
    """Two branches; the right one comes later in the file."""
    return _saved(
        path,
        [
            helper.make_node("MatMul", ["x", "wl"], ["left"]),
            helper.make_node("Tanh", ["left"], ["bent"]),
            helper.make_node("MatMul", ["x", "wr"], ["right"]),
            helper.make_node("Concat", ["bent", "right"], ["y"], axis=1),
        ],
        wl=left,
        wr=right,
    )


def _own(found: tuple[TensorFidelity, ...]) -> dict[str, float | None]:
    return {tensor.name: tensor.own_snr_db for tensor in found}


def test_a_bad_branch_does_not_hide_behind_its_sibling(tmp_path: Path) -> None:
    """The left one is bad, the right one is worse; each answers for itself alone."""
    off = (WEIGHTS + 0.2 * RNG.normal(size=WEIGHTS.shape)).astype(np.float32)
    reference = _branches(tmp_path / "a.onnx", WEIGHTS, WEIGHTS)
    suspect = _branches(tmp_path / "b.onnx", off, WEIGHTS[::-1].copy())
    found = trace("onnx", suspect, reference, {"x": X}, {})
    own = _own(found)
    assert own["left"] is not None and 5 < own["left"] < 20
    assert own["right"] is not None and own["right"] < 3
    assert own["bent"] is None and own["y"] is None  # exact for what they are given
    guilty = culprit(found)
    assert guilty is not None and guilty.name == "right"


def test_what_passes_an_error_on_adds_none(tmp_path: Path) -> None:
    reference = tflite_layers(tmp_path / "a.tflite")
    found = trace(
        "tflite", tflite_layers(tmp_path / "b.tflite", damaged=True), reference, {"x": X[:, :4]}, {}
    )
    own = list(_own(found).values())
    assert own[:2] == [None, None] and own[3] is None
    assert own[2] is not None and own[2] < 3


def test_bodies_take_what_is_given_too(tmp_path: Path) -> None:
    """A branch of If captures a tensor from outside; what is added inside it is seen as its own."""

    def branching(path: Path, gain: float) -> Path:
        gained = [
            helper.make_node("Mul", ["scaled", name], ["out"], name="inside")
            for name in ("gain", "gain")
        ]
        then, other = (
            helper.make_graph(
                [node], name, [], [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)]
            )
            for name, node in zip(("then", "other"), gained, strict=True)
        )
        return _saved(
            path,
            [
                helper.make_node("MatMul", ["x", "w"], ["scaled"]),
                helper.make_node("If", ["yes"], ["y"], then_branch=then, else_branch=other),
            ],
            w=WEIGHTS,
            gain=np.array(gain, np.float32),
            yes=np.array(True),
        )

    reference = branching(tmp_path / "a.onnx", 1.0)
    found = trace("onnx", branching(tmp_path / "b.onnx", 0.9), reference, {"x": X}, {})
    own = _own(found)
    assert own["scaled"] is None
    assert own["y"] == pytest.approx(20.0, abs=0.1)


def test_a_channel_that_is_lost_is_not_drowned_by_others(tmp_path: Path) -> None:
    """Boxes in pixels beside a score: over all numbers 60 dB, and one of five is gone."""
    reference = _branches(tmp_path / "a.onnx", 500 * WEIGHTS, WEIGHTS)
    own = OwnNoise(
        "onnx", reference, dict.fromkeys(("x", "left", "bent", "right", "y"), "float32"), ""
    )
    given = {
        "x": X, "left": 500 * X @ WEIGHTS, "bent": np.tanh(500 * X @ WEIGHTS),
        "right": X @ WEIGHTS,
    }  # fmt: skip
    whole = np.concatenate([given["bent"], given["right"]], axis=1)
    whole[:, -1] = 0
    own.add({name: np.asarray(a, np.float64) for name, a in {**given, "y": whole}.items()}, {})
    assert own.snr_db("y") == pytest.approx(10 * np.log10(12), abs=0.01)


@pytest.mark.parametrize(
    ("form", "axes", "channels"),
    [
        ("onnx", 4, (1,)),
        ("onnx", 3, (1, 2)),
        ("onnx", 2, (1,)),
        ("tflite", 4, (3,)),
        ("onnx", 1, ()),
    ],
)
def test_where_channels_are(form: Any, axes: int, channels: tuple[int, ...]) -> None:
    assert channel_axes(form, axes) == channels


def test_a_file_that_cannot_be_cut_costs_nothing_else(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"nothing")
    own = OwnNoise("onnx", broken, {"x": "float32"}, "")
    own.add({"x": X}, {})
    assert own.snr_db("x") is None
