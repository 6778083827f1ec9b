"""Keras and SavedModel to ONNX and TFLite, as a user calls it."""

import filecmp
import subprocess
import sys
from pathlib import Path

import pytest

from tests.converters.commands import HERE, Ended, convert, write_data

pytestmark = pytest.mark.tensorflow
MODELS = HERE / "keras_models.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, sequential.keras and the SavedModel saved/; made in a process of its own, because
    tflite-runtime does not work in one that has loaded TensorFlow."""
    folder = tmp_path_factory.mktemp("keras")
    write_data(folder / "pair.npz", extra=(3,), image=(8, 8, 1))
    write_data(folder / "lone.npz", anything=(8, 8, 1))
    subprocess.run(
        [sys.executable, "-W", "ignore", MODELS, folder],
        check=True,
        capture_output=True,
        env={"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1", "HOME": str(folder)},
    )
    return folder


def _check(ended: Ended, outputs: list[str]) -> None:
    assert ended.code == 0, ended.err
    assert ended.report["framework"] == "tensorflow"
    onnx, tflite = ended.report["variants"]
    assert onnx["routes"] == [{"route": "tensorflow-onnx-tf2onnx", "error": None}]
    assert tflite["routes"] == [{"route": "tensorflow-tflite-saved-model", "error": None}]
    assert (onnx["batch"], tflite["batch"]) == (None, 1)
    assert [e["engine"] for e in tflite["engines"]] == ["tflite", "tflite", "litert", "litert"]
    for variant in (onnx, tflite):
        assert sorted(variant["outputs"]) == outputs
        for engine in variant["engines"]:
            assert all(row["max_abs"] < 1e-4 for row in engine["outputs"])


def test_a_keras_model_from_a_callable_and_again_from_a_saved_model(folder: Path) -> None:
    """Dicts of inputs and outputs, an exact GELU, and the same bytes when it is done twice."""
    first = convert(f"{MODELS}:pair", folder / "pair.npz", folder / "first")
    _check(first, ["alpha", "zed"])
    again = convert(f"{MODELS.name}:pair", folder / "pair.npz", folder / "deep" / "er" / "again")
    names = [path for v in first.report["variants"] for path in v["files"]]
    names += ["report.json", "contract.json", "holdout.npz"]
    assert again.code == 0, again.err
    same = filecmp.cmpfiles(folder / "first", folder / "deep" / "er" / "again", names, False)
    assert (sorted(same[0]), same[1:]) == (sorted(names), ([], []))
    _check(convert(folder / "saved", folder / "pair.npz", folder / "third"), ["alpha", "zed"])


def test_a_keras_file_whose_only_input_takes_the_lone_array(folder: Path) -> None:
    ended = convert(folder / "sequential.keras", folder / "lone.npz", folder / "lone")
    _check(ended, ["logits"])
    assert ended.report["source"] == "sequential.keras"
    onnx = ended.report["variants"][0]
    assert onnx["files"] == ["onnx-fp32/model.onnx", "onnx-fp32/weights.bin"]
