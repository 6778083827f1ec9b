"""--layout, --weights, samples from a callable and MLflow's registry, as a user calls them."""

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgeml import documents, holdout
from edgeml.contract import Contract
from edgeml.conversion import Provenance
from edgeml.digests import sha256_file
from tests import onnx_models
from tests.converters.commands import HERE, Ended, convert, write_data
from tests.converters.sources.registries.mlflow_server import RUN, Registry, serving

TORCH = HERE / "torch_models.py"
KERAS = HERE / "keras_models.py"
PROBE = HERE.parents[1] / "runtime" / "edgeml_runtime" / "engines" / "probe.tflite"


def _provenance(out: Path) -> Provenance:
    return documents.decode((out / "provenance.json").read_bytes(), Provenance, "provenance")


def _check_layout(ended: Ended, out: Path, layout: str, shape: tuple[int, ...]) -> None:
    assert ended.code == 0, ended.err
    for variant in ended.report["variants"]:
        assert variant["answer"] == "same" and variant["inputs"] == {
            "image": "image",
            "gain": "gain",
        }
    contract = documents.decode((out / "contract.json").read_bytes(), Contract, "contract")
    tensors = {tensor.name: tensor for tensor in (*contract.inputs, *contract.outputs)}
    found = {name: tensor.layout for name, tensor in tensors.items()}
    assert found == {"image": layout, "gain": None, "blurred": layout, "mean": None}
    assert tensors["blurred"].shape == ("batch", *shape)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "to"),
    [("blur", ["onnx", "tflite"]), ("blur_program", ["onnx"])],
)
def test_pytorch_in_nhwc(tmp_path: Path, name: str, to: list[str]) -> None:
    data = write_data(tmp_path / "data.npz", image=(6, 4, 3), gain=(1,), samples=12)
    out = tmp_path / "out"
    ended = convert(f"{TORCH}:{name}", data, out, "--layout", "nhwc", to=to)
    _check_layout(ended, out, "nhwc", (4, 4, 5))
    (onnx_variant, *_) = ended.report["variants"]
    assert onnx_variant["routes"] == [{"route": "torch-onnx-dynamo", "error": None}]


def test_labels_of_no_output_are_told_of_unless_slices_use_them(tmp_path: Path) -> None:
    onnx_models.scale(tmp_path / "scale.onnx", 2.0)
    data = write_data(tmp_path / "data.npz", x=(4,))  # its labels are one of ten
    for options, said in (((), True), (("--slice-by", "labels"), False)):
        ended = convert(tmp_path / "scale.onnx", data, tmp_path / "out", *options, to=["onnx"])
        assert ended.code == 0, ended.err
        (variant,) = ended.report["variants"]
        assert bool(variant["engines"][0]["evidence"]["slices"]) is not said
        assert any("fit no output" in words for words in ended.report["assumed"]) is said


@pytest.mark.torch
def test_a_layout_that_cannot_be_had(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data.npz", image=(6, 4, 3), gain=(1,), samples=9)
    out = tmp_path / "out"
    ended = convert(f"{TORCH}:blur_script", data, out, "--layout", "nhwc", to=["onnx"])
    assert (ended.code, out.exists()) == (2, False)
    assert "needs a module or an exported program, but this is TorchScript" in ended.sentence
    ended = convert(PROBE, data, out, "--layout", "nchw", to=["tflite"])
    assert (ended.code, out.exists()) == (2, False)
    assert "needs a model of PyTorch or TensorFlow, but this is a file in tflite" in ended.sentence


@pytest.mark.tensorflow
def test_keras_in_nchw(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data.npz", image=(3, 6, 4), gain=(1,), samples=12)
    out = tmp_path / "out"
    ended = convert(f"{KERAS}:blur", data, out, "--layout", "nchw")
    _check_layout(ended, out, "nchw", (5, 4, 4))


@pytest.mark.torch
def test_a_state_dict_beside_the_callable(tmp_path: Path) -> None:
    """The same file as of the model that was built with these weights."""
    subprocess.run([sys.executable, "-W", "ignore", TORCH, tmp_path], check=True)
    data = write_data(tmp_path / "data.npz", image=(1, 8, 8))
    weights = tmp_path / "weights.safetensors"
    source = f"{TORCH}:untrained_digits"
    ended = convert(source, data, tmp_path / "a", "--weights", str(weights), to=["onnx"])
    assert ended.code == 0, ended.err
    assert ended.report["source"] == "torch_models.py:untrained_digits+weights.safetensors"
    provenance = _provenance(tmp_path / "a")
    assert provenance.weights_sha256 == sha256_file(weights)
    assert provenance.source_sha256 == sha256_file(TORCH)
    trained = convert(f"{TORCH}:digits", data, tmp_path / "b", to=["onnx"])
    assert _provenance(tmp_path / "b").weights_sha256 is None
    files = trained.report["variants"][0]["files"]
    assert filecmp.cmpfiles(tmp_path / "a", tmp_path / "b", files, False) == (files, [], [])


@pytest.mark.torch
def test_the_callables_own_samples_are_the_data(tmp_path: Path) -> None:
    source = f"{TORCH}:digits_with_samples"
    ended = convert(source, None, tmp_path / "out", to=["onnx"])
    assert ended.code == 0, ended.err
    assert ended.report["samples"] == 9
    kept = holdout.decode((tmp_path / "out" / "holdout.npz").read_bytes())
    assert kept.inputs["image"].shape == (9, 1, 8, 8)
    again = convert(source, None, tmp_path / "again", to=["onnx"])
    assert again.out == ended.out
    first, second = _provenance(tmp_path / "out"), _provenance(tmp_path / "again")
    assert first.data_sha256 == second.data_sha256
    alone = convert(f"{TORCH}:digits", None, tmp_path / "none", to=["onnx"])
    assert alone.code == 2
    assert "give --data FILE.npz, or let the callable return (model, samples)" in alone.sentence


def test_a_model_from_mlflows_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Tanh", ["x"], ["y"])],
        "tanh",
        [info("x", TensorProto.FLOAT, ["N", 3])],
        [info("y", TensorProto.FLOAT, ["N", 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    flavours = b"flavors:\n  onnx:\n    data: model.onnx\n"
    registry = Registry({"MLmodel": flavours, "model.onnx": model.SerializeToString()})
    data = write_data(tmp_path / "data.npz", x=(3,))
    source, out = "mlflow:models:/digits@champion", tmp_path / "out"
    with serving(registry) as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        ended = convert(source, data, out, to=["onnx"])
    assert ended.code == 0, ended.err
    assert ended.report["source"] == source
    origin = {"mlflow_model": "digits", "mlflow_version": "1", "mlflow_run": RUN}
    assert _provenance(out).origin == origin
    assert np.isfinite(ended.report["variants"][0]["engines"][0]["outputs"][0]["max_abs"])
    assert onnx.load(out / "onnx-fp32" / "model.onnx").graph.node[0].op_type == "Tanh"
    gone = convert(source, data, tmp_path / "gone", to=["onnx"])
    assert gone.code == 8
    assert "MLflow's server" in gone.sentence and "does not answer" in gone.sentence


def test_int8_is_calibrated_on_data_of_its_own(tmp_path: Path) -> None:
    """On values of a tenth of the size, which the wider ones are then cut off at."""
    model = onnx_models.scale(tmp_path / "scale.onnx", 2.0)
    data = write_data(tmp_path / "data.npz", x=(4,), samples=240)
    narrow = tmp_path / "narrow.npz"
    np.savez(narrow, x=0.1 * np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32))
    ended = convert(
        model, data, tmp_path / "out", "--precision", "int8", "--calibration-data", str(narrow),
        "--no-repair", to=["onnx"],
    )  # fmt: skip
    assert ended.code == 4
    report = ended.report
    counts = [report[f"{part}samples"] for part in ("", "choice_", "calibration_")]
    assert counts == [200, 40, 30]
    low, high = report["variants"][0]["ranges"]["x"]
    assert -0.5 < low < high < 0.5
    warnings = [f for f in report["variants"][0]["findings"] if f["severity"] == "warning"]
    assert [f["fault"] for f in warnings] == ["outside-calibration"]
    assert "give more samples, or --calibration-data" in warnings[0]["message"]
    assert _provenance(tmp_path / "out").calibration_sha256 == sha256_file(narrow)
    role = ("--output", "y=regression,error=5")  # which forgives that single samples are cut off
    of_data = convert(model, data, tmp_path / "again", "--precision", "int8", *role, to=["onnx"])
    assert of_data.code == 0, of_data.err
    counts = [of_data.report[f"{part}samples"] for part in ("", "choice_", "calibration_")]
    assert counts == [120, 40, 80]
    assert _provenance(tmp_path / "again").calibration_sha256 is None


@pytest.mark.parametrize(
    ("precision", "arrays", "sentence"),
    [
        ("fp32", {"x": (4,)}, "--calibration-data is for int8, which --precision does not name"),
        ("int8", {"z": (5,)}, "must have shape"),
        ("int8", {"x": (4,), "y": (4,)}, "a key in it must be an input's name"),
    ],
)
def test_calibration_data_that_cannot_be_used(
    precision: str, arrays: dict[str, tuple[int, ...]], sentence: str, tmp_path: Path
) -> None:
    model = onnx_models.scale(tmp_path / "scale.onnx", 2.0)
    data = write_data(tmp_path / "data.npz", x=(4,))
    own = str(write_data(tmp_path / "own.npz", 0, 70, **arrays))
    ended = convert(
        model, data, tmp_path / "out", "--precision", precision, "--calibration-data", own,
        to=["onnx"],
    )  # fmt: skip
    assert ended.code == 2 and sentence in ended.sentence
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("per_tensor", [True, False])
def test_the_users_own_calibrator_and_scales_are_taken(tmp_path: Path, per_tensor: bool) -> None:
    model = onnx_models.scale(tmp_path / "scale.onnx", 2.0)
    data, out = write_data(tmp_path / "data.npz", x=(4,)), tmp_path / "out"
    options = ("--calibrator", "percentile", *(["--per-tensor"] if per_tensor else []))
    ended = convert(
        model, data, out, "--precision", "int8", *options, "--no-repair",
        "--output", "y=regression,error=5", to=["onnx"],
    )  # fmt: skip
    (variant,) = ended.report["variants"]
    assert [tried["name"] for tried in variant["calibrators"]] == ["percentile"]
    made = onnx.load(out / variant["entry"])
    scales = {t.name: onnx.numpy_helper.to_array(t).size for t in made.graph.initializer}
    (of_weights,) = (size for name, size in scales.items() if name == "weights_scale")
    assert of_weights == (1 if per_tensor else 4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--calibrator", "minmax"), "--calibrator is for int8, which --precision does not name"),
        (
            ("--calibrator", "entropy", "--precision", "int8"),
            "--calibrator 'entropy' is none for tflite; use one of minmax, moving-average",
        ),
    ],
)
def test_a_calibrator_that_cannot_be_used(
    tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    model = onnx_models.scale(tmp_path / "scale.onnx", 2.0)
    data = write_data(tmp_path / "data.npz", x=(4,))
    ended = convert(model, data, tmp_path / "out", *options)
    assert ended.code == 2 and sentence in ended.sentence


def test_what_the_user_keeps_in_float_is_kept(tmp_path: Path) -> None:
    """Of two layers; the weights of the one that is named stay float32."""
    weights = {"first": np.eye(4), "second": 2 * np.eye(4), "wide": np.ones((4, 64))}
    nodes = [
        onnx.helper.make_node("MatMul", ["x", "first"], ["a"], name="one"),
        onnx.helper.make_node("Relu", ["a"], ["b"]),
        onnx.helper.make_node("MatMul", ["b", "wide"], ["y"], name="two"),
    ]
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", size])
        for name, size in (("x", 4), ("y", 64))
    ]
    tensors = [
        onnx.numpy_helper.from_array(weights[name].astype(np.float32), name)
        for name in ("first", "wide")
    ]
    graph = onnx.helper.make_graph(nodes, "net", values[:1], values[1:], tensors)
    opset = [onnx.helper.make_opsetid("", 17)]
    model = tmp_path / "net.onnx"
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), model)
    data, out = write_data(tmp_path / "data.npz", x=(4,)), tmp_path / "out"
    role = ("--output", "y=embedding")
    for pattern, kept in (("one", "first"), ("tw?", "wide"), ("MatMul", None), ("no*", "")):
        ended = convert(
            model, data, out, "--precision", "int8", "--keep-float", pattern, *role, to=["onnx"]
        )
        if kept:
            (variant,) = ended.report["variants"]
            made = onnx.load(out / variant["entry"])
            types = {t.name: t.data_type for t in made.graph.initializer}
            assert types[kept] == onnx.TensorProto.FLOAT
            other = "wide" if kept == "first" else "first"
            assert types[f"{other}_quantized"] == onnx.TensorProto.INT8
            assert not variant["findings"], "what is asked for is not low coverage"
        elif kept is None:  # nothing is left to quantise
            assert ended.code == 3
        else:
            assert ended.code == 2
            assert "'no*' means no operator, layer or module" in ended.sentence
            assert "MatMul, Relu" in ended.sentence
        shutil.rmtree(out, ignore_errors=True)
