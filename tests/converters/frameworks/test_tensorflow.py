"""Loading TensorFlow's sources in the worker: .h5 files, SavedModels of older versions."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeml.errors import InputError
from edgeml_converters.formats.npz import load, save
from edgeml_converters.routes.table import ROUTES
from edgeml_converters.sources.source import parse
from edgeml_converters.steps.messages import Convert, Converted, Done, Load, Loaded, Predict
from edgeml_converters.steps.process import Worker
from edgeml_runtime.engines.base import Arrays, Engine
from edgeml_runtime.engines.onnx import OnnxEngine
from edgeml_runtime.engines.tflite import LitertEngine
from tests.converters.commands import HERE

pytestmark = pytest.mark.tensorflow
MODELS = HERE / "keras_models.py"
ENVIRONMENT = {"KERAS_BACKEND": "tensorflow", "CUDA_VISIBLE_DEVICES": "-1"}
RNG = np.random.default_rng(0)
PAIR = {
    "extra": RNG.normal(size=(5, 3)).astype(np.float32),
    "image": RNG.normal(size=(5, 8, 8, 1)).astype(np.float32),
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What keras_models.py writes as a program."""
    folder = tmp_path_factory.mktemp("saved")
    command = [sys.executable, "-W", "ignore", MODELS, folder]
    environment = {**ENVIRONMENT, "HOME": str(folder)}
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return folder


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One for all: importing TensorFlow takes seconds."""
    with Worker(tmp_path_factory.mktemp("worker") / "log") as worker:
        yield worker


def _load(worker: Worker, path: Path) -> Loaded:
    return worker.ask("loading", Load(source=parse(str(path))), Loaded, 120)


def _answer(worker: Worker, folder: Path, arrays: Arrays) -> Arrays:
    """Of the model that was loaded last."""
    save(folder / "inputs.npz", arrays)
    request = Predict(inputs=str(folder / "inputs.npz"), into=str(folder / "answer.npz"))
    worker.ask("predicting", request, Done, 120)
    return load(folder / "answer.npz")


def _refused(worker: Worker, path: Path) -> str:
    with pytest.raises(InputError) as caught:
        _load(worker, path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_an_h5_file_says_the_same_as_the_keras_file(
    worker: Worker, saved: Path, tmp_path: Path
) -> None:
    answers: list[Arrays] = []
    for name in ("sequential.keras", "sequential.h5"):
        loaded = _load(worker, saved / name)
        assert (loaded.framework, loaded.form) == ("tensorflow", "keras")
        (wanted,) = loaded.inputs
        answers.append(_answer(worker, tmp_path, {wanted.name: PAIR["image"]}))
    assert np.array_equal(answers[0]["logits"], answers[1]["logits"])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("alone.weights.h5", "holds weights without a model"),
        ("lambda.h5", "holds Python code in a Lambda layer, which is not run"),
    ],
)
def test_an_h5_file_that_is_no_model(worker: Worker, saved: Path, name: str, sentence: str) -> None:
    assert f"{name} {sentence}" in _refused(worker, saved / name)


def test_a_saved_model_that_no_loader_takes_says_why_of_both(worker: Worker, saved: Path) -> None:
    sentence = _refused(worker, saved / "unserved")
    assert sentence.startswith("unserved could not be loaded by TensorFlow 2 (ValueError: ")
    newer, _, older = sentence.partition(") nor by the loader of TensorFlow 1 (RuntimeError: ")
    assert "more than one MetaGraph" in newer
    assert "tags 'serve' could not be found" in older
    assert older.endswith("); save the model again or mend it.")


def test_a_saved_model_of_which_both_loaders_say_the_same_says_it_once(
    worker: Worker, tmp_path: Path
) -> None:
    torn = tmp_path / "torn"
    torn.mkdir()
    (torn / "saved_model.pb").write_bytes(b"torn")
    sentence = _refused(worker, torn)
    assert sentence.startswith("torn could not be loaded (OSError: Cannot parse file")
    assert sentence.count("Cannot parse file") == 1


def test_a_saved_model_has_one_order(worker: Worker, saved: Path, tmp_path: Path) -> None:
    """Which the file itself has not: that of its names."""
    names = [model_input.name for model_input in _load(worker, saved / "many").inputs]
    assert names == sorted(f"x{n}" for n in range(12))
    samples = {name: np.full((2, 2), float(name[1:]), np.float32) for name in names}
    answers = _answer(worker, tmp_path, samples)
    assert list(answers) == sorted(f"y{n}" for n in range(12))
    assert all((array == float(name[1:])).all() for name, array in answers.items())


def test_an_old_saved_model_is_loaded_in_a_session(
    worker: Worker, saved: Path, tmp_path: Path
) -> None:
    """TensorFlow 2 says of it: '_UserObject' object has no attribute 'add_slot'."""
    assert _load(worker, saved / "saved").form == "saved-model"
    expected = _answer(worker, tmp_path, PAIR)
    loaded = _load(worker, saved / "old")
    assert (loaded.framework, loaded.form) == ("tensorflow", "saved-model-v1")
    assert [(i.name, i.dtype, i.shape) for i in loaded.inputs] == [
        ("extra", "float32", (None, 3)),
        ("image", "float32", (None, 8, 8, 1)),
    ]
    found = _answer(worker, tmp_path, PAIR)
    assert found.keys() == expected.keys() == {"alpha", "zed"}
    for name, array in expected.items():
        assert np.abs(found[name] - array).max() < 1e-5


@pytest.mark.parametrize(
    ("route", "kind"),
    [
        ("tensorflow-onnx-tf2onnx", OnnxEngine),
        ("tensorflow-onnx-session", OnnxEngine),
        ("tensorflow-tflite-saved-model", LitertEngine),
        ("tensorflow-tflite-session", LitertEngine),
    ],
)
def test_every_route_from_a_session_says_the_same(
    worker: Worker, saved: Path, tmp_path: Path, route: str, kind: type[Engine]
) -> None:
    """TensorFlow 2 says of v1 that there is more than one MetaGraph in it."""
    loaded = _load(worker, saved / "v1")
    assert loaded.form == "saved-model-v1"
    assert loaded.form in ROUTES[route].forms
    x = {"x": RNG.normal(size=(5, 3)).astype(np.float32)}
    expected = _answer(worker, tmp_path, x)["y"]
    request = Convert(
        route=route, inputs=str(tmp_path / "inputs.npz"), outputs=("y",), folder=str(tmp_path)
    )
    converted = worker.ask("converting", request, Converted, 120)
    engine = kind(tmp_path / converted.entry)
    (spec,) = engine.signature.inputs
    (found,) = engine.run({spec.name: x["x"]}).values()
    assert np.abs(found - expected).max() < 1e-6


def test_a_saved_model_without_its_variables_is_refused(
    worker: Worker, saved: Path, tmp_path: Path
) -> None:
    shutil.copytree(saved / "old", tmp_path / "old")
    shutil.rmtree(tmp_path / "old" / "variables")
    assert "old could not be loaded" in _refused(worker, tmp_path / "old")
    (tmp_path / "old" / "saved_model.pb").write_bytes(b"no graph")
    assert "old could not be loaded" in _refused(worker, tmp_path / "old")
