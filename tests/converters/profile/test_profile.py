"""Latency, memory and operators of a model file."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgeml.errors import EngineError, InputError
from edgeml.profile import Profile
from edgeml_converters.profile.machine import PeakMemory
from edgeml_converters.profile.measuring import measure
from edgeml_converters.sources.synthetic import random_inputs
from edgeml_runtime.engines.base import TensorSpec
from tests.converters.profile.models import (
    PROBES,
    onnx_convolution,
    onnx_file,
    tflite_convolution,
)


def _measure(path: Path, **options: Any) -> Profile:
    form: Any = path.suffix[1:]
    return measure(path, form, seconds=0.05, timeout_seconds=60, **options)


def test_two_formats_of_one_net_have_the_same_macs_and_parameters(tmp_path: Path) -> None:
    found = [
        _measure(onnx_convolution(tmp_path / "a.onnx")),
        _measure(tflite_convolution(tmp_path / "a.tflite")),
    ]
    for profile in found:
        assert profile.macs == 4 * 4 * 3 * (3 * 3 * 2) + 4 * 4 * 5 * 3
        assert profile.parameters == 3 * 3 * 3 * 2 + 3 + 5 * 3
        assert profile.macs_unknown == 0
        heavy = [(layer.macs, layer.parameters) for layer in profile.layers if layer.macs]
        assert heavy == [(864, 57), (240, 15)]
    assert found[0].ops == {"Conv": 1, "MatMul": 1, "Transpose": 1}
    assert found[1].ops == {"CONV_2D": 1, "FULLY_CONNECTED": 1}
    assert [row.engine for row in found[1].engines] == ["tflite", "litert"]


@pytest.mark.parametrize("make", [onnx_convolution, tflite_convolution], ids=["onnx", "tflite"])
def test_a_call_with_four_samples_has_four_times_the_macs(make: Any, tmp_path: Path) -> None:
    path = make(tmp_path / f"a.{'onnx' if make is onnx_convolution else 'tflite'}")
    one, four = _measure(path), _measure(path, batch=4)
    assert four.macs == 4 * one.macs and four.parameters == one.parameters
    assert four.batch == 4


def test_latency_memory_and_machine(tmp_path: Path) -> None:
    profile = _measure(onnx_convolution(tmp_path / "a.onnx"), threads=2)
    (row,) = profile.engines
    assert row.error is None and row.runs >= 3
    assert row.p50_us is not None and row.p99_us is not None and row.peak_mib is not None
    assert 0 < row.p50_us <= row.p99_us
    assert 0 <= row.peak_mib < 500
    assert profile.threads == 2 and profile.cores >= 1 and profile.cpu
    assert profile.size == (tmp_path / "a.onnx").stat().st_size


def test_memory_that_a_model_needs_is_seen(tmp_path: Path) -> None:
    """Sixty-four MiB between a small input and a small output."""
    nodes = [
        helper.make_node("Tile", ["x", "times"], ["copies"]),
        helper.make_node("Sin", ["copies"], ["waves"]),
        helper.make_node("ReduceSum", ["waves", "axis"], ["y"]),
    ]
    path = onnx_file(
        tmp_path / "roomy.onnx", nodes, {"x": [1, 4]}, "y",
        times=np.array([1 << 22, 1]), axis=np.array([0]),
    )  # fmt: skip
    peak = _measure(path).engines[0].peak_mib
    assert peak is not None and 64 <= peak < 300


def test_quantised_weights_count_for_the_operator_that_uses_them(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "step", "zero"], ["weights"]),
        helper.make_node("Gemm", ["x", "weights"], ["y"], "dense", transB=1),
    ]
    path = onnx_file(
        tmp_path / "q.onnx", nodes, {"x": ["batch", 6]}, "y",
        w=np.ones((4, 6), np.int8), step=np.float32(0.5), zero=np.int8(0),
    )  # fmt: skip
    layers = {layer.op: layer for layer in _measure(path).layers}
    assert layers["Gemm"].parameters == layers["Gemm"].macs == 24
    assert layers["DequantizeLinear"].parameters == 0


def test_integer_operators_and_external_weights(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "step", "zero"]),
        helper.make_node("MatMulInteger", ["q", "w", "zero", "wzero"], ["sums"], "dense"),
        helper.make_node("Cast", ["sums"], ["y"], to=TensorProto.FLOAT),
    ]
    path = onnx_file(
        tmp_path / "a.onnx", nodes, {"x": ["batch", 600]}, "y",
        w=np.ones((600, 40), np.int8), wzero=np.zeros(40, np.int8),
    )  # fmt: skip
    inside = path.stat().st_size
    onnx.save_model(
        onnx.load(path), path, save_as_external_data=True, location="weights.bin", size_threshold=99
    )
    assert path.stat().st_size < inside / 10
    profile = _measure(path)
    assert profile.size == path.stat().st_size + (tmp_path / "weights.bin").stat().st_size
    assert profile.parameters == profile.macs == 600 * 40


def test_recurrent_and_control_flow(tmp_path: Path) -> None:
    lstm = [
        helper.make_node("LSTM", ["x", "w", "r"], ["y"], "lstm", hidden_size=3),
    ]
    path = onnx_file(
        tmp_path / "r.onnx", lstm, {"x": [5, 1, 2]}, "y",
        w=np.ones((1, 12, 2), np.float32), r=np.ones((1, 12, 3), np.float32),
    )  # fmt: skip
    assert _measure(path).macs == 5 * (12 * 2 + 12 * 3)

    def branch(name: str) -> onnx.GraphProto:
        out = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        return helper.make_graph([helper.make_node("Sin", ["x"], [name])], name, [], [out])

    nodes = [
        helper.make_node("ReduceMax", ["x"], ["most"], keepdims=0),
        helper.make_node("Greater", ["most", "zero"], ["up"]),
        helper.make_node("If", ["up"], ["y"], then_branch=branch("yes"), else_branch=branch("no")),
    ]
    path = onnx_file(tmp_path / "if.onnx", nodes, {"x": [1, 2]}, "y", zero=np.float32(0))
    profile = _measure(path)
    assert profile.macs_unknown == 1 and profile.ops["Sin"] == 2


def test_an_engine_that_refuses_the_file_says_so_in_its_row(tmp_path: Path) -> None:
    nodes = [helper.make_node("Erfc", ["x"], ["y"])]
    profile = _measure(onnx_file(tmp_path / "erfc.onnx", nodes, {"x": [1, 2]}, "y"))
    (row,) = profile.engines
    assert row.p50_us is None and "Erfc" in (row.error or "")
    assert profile.ops == {"Erfc": 1}


def test_free_sizes_must_be_given(tmp_path: Path) -> None:
    nodes = [helper.make_node("Sin", ["image"], ["y"])]
    path = onnx_file(tmp_path / "free.onnx", nodes, {"image": ["batch", 1, "h", "w"]}, "y")
    with pytest.raises(InputError, match=r"--shape 'image=1,1,1,1'"):
        _measure(path)
    assert _measure(path, shapes={"image": (2, 1, 5, 7)}).layers[0].shape == (2, 1, 5, 7)
    with pytest.raises(InputError, match="does not fit"):
        _measure(path, shapes={"image": (2, 3, 5, 7)})
    with pytest.raises(InputError, match="no input 'picture'"):
        _measure(path, shapes={"picture": (2, 3, 5, 7)})


def test_an_engine_of_another_format_is_bad_input() -> None:
    with pytest.raises(InputError, match=r"'tflite' does not run \.onnx files; use onnxruntime"):
        _measure(PROBES / "probe.onnx", engines=["tflite"])


def test_a_step_that_takes_too_long_is_ended() -> None:
    profile = measure(PROBES / "probe.onnx", "onnx", seconds=30, timeout_seconds=2)
    assert "longer than 2 s" in (profile.engines[0].error or "")


def test_inputs_are_the_same_each_time_and_within_their_range() -> None:
    specs = [TensorSpec("x", "float32", (-1, 50)), TensorSpec("ids", "int64", (1, 50))]
    specs += [TensorSpec("flag", "bool", (1,)), TensorSpec("rate", "int64", ())]
    first, second = (random_inputs(specs, 2, {"x": (-3.0, -1.0)}, {}) for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert first["x"].shape == (2, 50) and first["x"].dtype == np.float32
    assert -3 <= first["x"].min() < -2.5 and -1.5 < first["x"].max() <= -1
    assert set(first["ids"].ravel()) == {0, 1} and first["ids"].shape == (2, 50)
    assert first["flag"].dtype == bool and first["rate"].shape == ()


def test_the_peak_of_memory_rises_with_what_is_held() -> None:
    peak = PeakMemory()
    held = np.ones(8 << 20, np.float64)
    assert held.sum() > 0
    assert 60 <= peak.mib() < 200


def test_a_missing_engine_ends_with_10(tmp_path: Path) -> None:
    """A library that cannot be imported, here by a broken one in its place."""
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('no such library')")
    code = (
        "from pathlib import Path; from edgeml_converters.profile.measuring import measure; "
        f"measure(Path({str(PROBES / 'probe.onnx')!r}), 'onnx')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert EngineError.__name__ in done.stderr
    assert "No engine for .onnx files is installed" in done.stderr
