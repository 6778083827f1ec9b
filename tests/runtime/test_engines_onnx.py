"""ONNX files whose weights lie beside them: found there, and nowhere else."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgeml.errors import ContractError, EngineError
from edgeml_runtime.engines.onnx import OnnxEngine
from tests import onnx_models

WIDTH = 64
X = np.ones((1, WIDTH), np.float32)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """y = 3 x in model/model.onnx, its weights in model/weights.bin."""
    folder = tmp_path / "model"
    folder.mkdir()
    path = onnx_models.scale(folder / "model.onnx", 3.0, WIDTH)
    onnx.save_model(
        onnx.load(path), path, save_as_external_data=True, location="weights.bin",
        size_threshold=0,
    )  # fmt: skip
    return path


def relocated(path: Path, location: str) -> Path:
    model = onnx.load(path, load_external_data=False)
    for entry in model.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_beside_the_graph_are_found(file: Path, tmp_path: Path) -> None:
    for path in (file, OnnxEngine.prepare(file, tmp_path / "prepared")):
        np.testing.assert_array_equal(OnnxEngine(path).run({"x": X})["y"], 3 * X)


def test_the_prepared_form_maps_its_weights_from_a_file(tmp_path: Path) -> None:
    file = onnx_models.gain(tmp_path / "model.onnx", 3.0, width=4096)
    prepared = OnnxEngine.prepare(file, tmp_path / "prepared")
    engine = OnnxEngine(prepared)
    (weights,) = set(prepared.parent.iterdir()) - {prepared}
    assert str(weights) in Path("/proc/self/maps").read_text()
    del engine
    assert str(weights) not in Path("/proc/self/maps").read_text()


def test_a_file_of_which_one_input_is_frozen_to_a_single_sample_is_run_for_each(
    tmp_path: Path,
) -> None:
    file = onnx_models.pair(tmp_path / "pair.onnx")
    model = onnx.load(file)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    onnx.save(model, file)
    a = np.arange(12, dtype=np.float32).reshape(4, 3)
    engine = OnnxEngine(file)
    np.testing.assert_array_equal(engine.run({"a": a, "b": 2 * a})["total"], 3 * a)
    np.testing.assert_array_equal(engine.run({"a": a[:1], "b": 2 * a})["total"], a[0] + 2 * a)


def test_missing_weights_are_refused(file: Path) -> None:
    (file.parent / "weights.bin").unlink()
    with pytest.raises(EngineError, match=r"refused model\.onnx"):
        OnnxEngine(file)


@pytest.mark.parametrize("kind", ["relative", "absolute"])
def test_weights_outside_of_the_folder_are_refused(file: Path, tmp_path: Path, kind: str) -> None:
    outside = (file.parent / "weights.bin").rename(tmp_path / "weights.bin")
    relocated(file, "../weights.bin" if kind == "relative" else str(outside))
    with pytest.raises(EngineError, match=r"refused model\.onnx"):
        OnnxEngine(file)


def test_weights_that_end_too_early_are_refused(file: Path) -> None:
    os.truncate(file.parent / "weights.bin", 100)
    with pytest.raises(EngineError, match=r"refused model\.onnx"):
        OnnxEngine(file)


def nodes(path: Path) -> list[str]:
    return [node.op_type for node in onnx.load(path, load_external_data=False).graph.node]


def test_a_variant_is_prepared_at_the_level_at_which_it_was_proven(tmp_path: Path) -> None:
    """An Identity goes away at every level but "disabled"."""
    file = onnx_models.padded(tmp_path / "model.onnx")
    assert "Identity" in nodes(OnnxEngine.prepare(file, tmp_path / "disabled", "disabled"))
    assert "Identity" not in nodes(OnnxEngine.prepare(file, tmp_path / "all", "all"))


def test_integers_of_another_width_are_taken_where_they_fit_and_given_as_the_contract_says(
    tmp_path: Path,
) -> None:
    file = tmp_path / "head.onnx"
    shapes = {"x": (TensorProto.INT32, [1]), "y": (TensorProto.INT32, [])}
    x, y = (helper.make_tensor_value_info(name, *shape) for name, shape in shapes.items())
    graph = helper.make_graph(
        [helper.make_node("ReduceMax", ["x"], ["y"], keepdims=0)], "g", [x], [y]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.write_bytes(model.SerializeToString())
    engine = OnnxEngine(file, dtypes={"y": "int64"})
    assert [(spec.dtype, spec.shape) for spec in engine.signature.outputs] == [("int64", (1,))]
    for asked in ([7], [7, 8, 9]):
        found = engine.run({"x": np.array(asked, np.int64)})["y"]
        assert (found.dtype, found.tolist()) == (np.dtype("int64"), asked)
    with pytest.raises(ContractError, match="'x' holds 3000000000, but the file takes int32"):
        engine.run({"x": np.array([3_000_000_000])})
    with pytest.raises(ContractError, match="must be int32 of rank 1, but is float32"):
        engine.run({"x": np.ones(1, np.float32)})


def test_an_operator_that_it_has_not_for_a_dtype_is_named() -> None:
    said = RuntimeError(
        "[ONNXRuntimeError] : 9 : NOT_IMPLEMENTED : Could not find an implementation for Conv(11) "
        "node with name 'stem'"
    )
    assert str(OnnxEngine.refusal(Path("model.onnx"), said)).endswith(
        " refused model.onnx: it has no kernel of Conv(11) for the dtypes at 'stem'; let the model "
        "compute there in float32, in an opset from 7 on."
    )
