"""What calibration sees: histograms that grow, one pass for all calibrators, no infinities."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.formats.tensors import Array
from edgeml_converters.quantise import quantise
from edgeml_converters.quantise.activations import BINS, Activation, bounds_of, ranges_by
from edgeml_converters.quantise.calibrators import CALIBRATORS
from edgeml_converters.quantise.onnx import quantise as onnx_quantise
from edgeml_converters.quantise.onnx.calibration import Seen, calibrate
from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters.quantise import float_onnx
from tests.converters.quantise.made import request, samples


def _saw(*parts: Array) -> Activation:
    seen = Activation()
    for part in parts:
        bounds = bounds_of(part)
        assert bounds is not None
        seen.add(part, bounds)
    return seen


@pytest.mark.parametrize("values", [[], [1.0, np.nan], [-np.inf, 0.0], [np.finfo(np.float32).max]])
def test_what_holds_no_number_or_infinities_has_no_bounds(values: list[float]) -> None:
    assert bounds_of(np.array(values, np.float32)) is None


def test_bounds_are_the_smallest_and_the_largest() -> None:
    assert bounds_of(np.array([[0.5, 2.0], [-1.0, 0.0]], np.float32)) == (-1.0, 2.0)


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(1, 50)),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 99),
)
def test_a_histogram_of_pieces_is_that_of_all_values_together(
    pieces: list[tuple[float, float, int]], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    parts = [
        rng.normal(middle, spread, count).astype(np.float32) for middle, spread, count in pieces
    ]
    seen = _saw(*parts)
    values = np.concatenate(parts).astype(np.float64)
    counts, edges = seen.histogram()
    assert len(counts) <= BINS and counts.sum() == len(values)
    np.testing.assert_array_equal(counts, np.histogram(values, edges)[0])
    assert (seen.low, seen.high) == (values.min(), values.max())
    # Never coarser than it must be: values that differ fill a quarter of the bins or more.
    width, spread = edges[1] - edges[0], values.max() - values.min()
    assert spread == 0 or width <= max(4 * spread, np.abs(values).max()) / BINS


@pytest.mark.parametrize("value", [0.0, 3.5, -1e-20, 1e30])
@pytest.mark.parametrize("calibrator", sorted({*CALIBRATORS["onnx"], *CALIBRATORS["tflite"]}))
def test_a_constant_has_a_range_that_holds_it(value: float, calibrator: str) -> None:
    seen = _saw(np.full(8, value))
    ((low, high),) = ranges_by({"x": seen}, calibrator).values()
    room = max(abs(value) * 1e-2, 1e-25)
    assert low - room <= value <= high + room


def test_percentiles_leave_rare_extremes_out() -> None:
    seen = _saw(np.append(np.random.default_rng(0).normal(size=200_000), 1000.0))
    tops = {name: ranges_by({"x": seen}, name)["x"][1] for name in CALIBRATORS["onnx"]}
    assert tops["minmax"] == 1000.0
    assert 3 < tops["percentile"] < 10
    assert max(tops.values()) <= 1000.0


def test_entropy_clips_a_thin_tail() -> None:
    """Values of a Laplacian, whose magnitudes fall off evenly to the largest."""
    seen = _saw(np.random.default_rng(0).laplace(size=100_000))
    low, high = ranges_by({"x": seen}, "entropy")["x"]
    assert seen.low < low < -3 and 3 < high < seen.high


def test_calibration_runs_once_for_all_calibrators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[tuple[Any, ...]] = []
    really = onnx_quantise.calibrate

    def counted(*arguments: Any) -> Any:
        passes.append(arguments)
        return really(*arguments)

    monkeypatch.setattr(onnx_quantise, "calibrate", counted)
    entry = float_onnx.write_onnx("cnn", tmp_path / "cnn.onnx")
    np.savez(tmp_path / "x.npz", x=samples(1, 16, float_onnx.SHAPES["cnn"]))
    for name in CALIBRATORS["onnx"]:
        quantise(request(entry, tmp_path / name, f"int8 {name}", tmp_path / "x.npz"))
    assert len(passes) == 1


def _masked(path: Path, filler: float) -> Path:
    """y = softmax(where(seen, x . w, filler)) . w: attention with a mask."""
    weights = np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["scores"]),
        helper.make_node("Where", ["seen", "scores", "filler"], ["masked"]),
        helper.make_node("Softmax", ["masked"], ["chances"]),
        helper.make_node("MatMul", ["chances", "w"], ["y"]),
    ]
    seen = np.arange(8) % 3 > 0
    constants = {"w": weights, "seen": seen, "filler": np.float32(filler)}
    graph = helper.make_graph(
        nodes,
        "masked",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 8])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("filler", [-np.inf, np.finfo(np.float32).min])
@pytest.mark.parametrize("calibrator", CALIBRATORS["onnx"])
def test_what_holds_infinities_has_no_range_and_stays_float(
    tmp_path: Path, filler: float, calibrator: str
) -> None:
    entry = _masked(tmp_path / "masked.onnx", filler)
    x = np.random.default_rng(1).normal(size=(32, 8)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    done = quantise(request(entry, tmp_path / "q", f"int8 {calibrator}", tmp_path / "x.npz"))
    assert "masked" not in done.ranges and "scores" in done.ranges
    assert np.isfinite(list(done.ranges.values())).all()
    expected = OnnxEngine(entry).run({"x": x})["y"]
    found = OnnxEngine(tmp_path / "q" / done.entry).run({"x": x})["y"]
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


def test_a_model_without_float_activations_has_nothing_to_calibrate(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "two"], ["y"])],
        "integers",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["batch", 4])],
        [helper.make_tensor_value_info("y", TensorProto.INT64, ["batch", 4])],
        [numpy_helper.from_array(np.array([2], np.int64), "two")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    data = {"x": np.ones((3, 4), np.int64)}
    assert calibrate(model, data, frozenset({"Mul"}), tmp_path) == Seen({}, frozenset(), {})


@pytest.mark.parametrize("calibrator", CALIBRATORS["onnx"])
def test_a_layer_in_float16_stays_so_beside_one_in_int8(tmp_path: Path, calibrator: str) -> None:
    rng = np.random.default_rng(0)
    half, single = rng.normal(size=(8, 8)).astype(np.float16), samples(0, 8, (8,))
    nodes = [
        helper.make_node("Cast", ["x"], ["narrow"], to=TensorProto.FLOAT16),
        helper.make_node("MatMul", ["narrow", "half"], ["h"]),
        helper.make_node("Cast", ["h"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["wide", "single"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mixed",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 8])],
        [
            numpy_helper.from_array(half, "half"),
            numpy_helper.from_array(single, "single"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "mixed.onnx")
    x = rng.normal(size=(32, 8)).astype(np.float32)
    np.savez(tmp_path / "x.npz", x=x)
    asked = request(
        tmp_path / "mixed.onnx", tmp_path / "q", f"int8 {calibrator}", tmp_path / "x.npz"
    )
    done = quantise(asked)
    expected = OnnxEngine(tmp_path / "mixed.onnx").run({"x": x})["y"]
    found = OnnxEngine(tmp_path / "q" / done.entry).run({"x": x})["y"]
    assert {"wide", "y"} <= set(done.ranges) and "narrow" not in done.ranges
    assert np.abs(found - expected).max() < 0.4 * np.abs(expected).max()
