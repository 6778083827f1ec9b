"""Keras' and TensorFlow's models in forms that people have: loaded, or refused with a step."""

from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest

from edgeml.errors import InputError
from edgeml_converters.formats.npz import load, save
from edgeml_converters.formats.tensors import Array, Arrays
from edgeml_converters.sources.source import parse
from edgeml_converters.steps.messages import Done, Load, Loaded, Predict
from edgeml_converters.steps.process import Worker

pytestmark = pytest.mark.tensorflow
MODELS = Path(__file__).with_name("keras_forms.py")
X = np.arange(8, dtype=np.float32).reshape(2, 4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("forms")


@pytest.fixture(scope="module")
def worker(folder: Path) -> Iterator[Worker]:
    """One for all, which lies in the folder: importing TensorFlow takes seconds."""
    with chdir(folder), Worker(folder / "log") as worker:
        yield worker


def _load(worker: Worker, source: str | Path) -> Loaded:
    return worker.ask("loading", Load(source=parse(str(source))), Loaded, 120)


def _refused(worker: Worker, source: str | Path) -> str:
    with pytest.raises(InputError) as caught:
        _load(worker, source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _answers(worker: Worker, source: str | Path, folder: Path, x: Array) -> Arrays:
    """To `x`, whatever the only input is called."""
    (taken,) = _load(worker, source).inputs
    save(folder / "inputs.npz", {taken.name: x})
    request = Predict(inputs=str(folder / "inputs.npz"), into=str(folder / "told.npz"))
    worker.ask("predicting", request, Done, 120)
    return load(folder / "told.npz")


@pytest.mark.parametrize("name", ["own.keras", "own.h5"])
def test_a_layer_of_ones_own_is_named_with_a_way_that_works(
    worker: Worker, folder: Path, tmp_path: Path, name: str
) -> None:
    made = _answers(worker, f"{MODELS}:own", tmp_path, X)
    assert _refused(worker, folder / name) == (
        f"{name} holds 'Scale', which Keras itself does not have; name a callable, "
        "FILE.py:FUNCTION, that imports it and returns "
        f"keras.saving.load_model('{name}', custom_objects={{'Scale': Scale}})."
    )
    told = _answers(worker, f"{MODELS}:loaded_with_its_class", tmp_path, X)
    assert [array.tolist() for array in told.values()] == [one.tolist() for one in made.values()]


def test_text_is_refused_by_the_layer_that_takes_it_with_a_way_that_works(
    worker: Worker, tmp_path: Path
) -> None:
    sentence = _refused(worker, f"{MODELS}:coloured")
    assert sentence == (
        "'colour' is text for the layer colours, but a converted model takes numbers only; turn "
        "the text into numbers before the model, and convert what follows as "
        "keras.Model(model.get_layer('colours').output, model.outputs)."
    )
    hot = np.eye(3, dtype=np.float32)
    scores = _answers(worker, f"{MODELS}:behind_colours", tmp_path, hot)["scores"]
    assert scores.shape == (3, 2) and np.ptp(scores) > 0


@pytest.mark.parametrize("name", ["module", "function", "traced"])
def test_functions_with_a_signature_are_models(worker: Worker, tmp_path: Path, name: str) -> None:
    source = f"{MODELS}:{name}"
    assert [(i.name, i.dtype, i.shape) for i in _load(worker, source).inputs] == [
        ("x", "float32", (None, 4))
    ]
    assert _answers(worker, source, tmp_path, X)["tripled"].tolist() == (3 * X).tolist()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("without_its_module", "'NoneType' object has no attribute 'factor'"),
        ("of_a_loaded", "The function's variables are gone with the model that held them"),
        ("unsigned", "The tf.function cannot be traced without inputs"),
        ("refusing", "could not be loaded (ValueError: The total size of the tensor must be"),
        ("wants", "is called without arguments, but wants folder; name a function that"),
    ],
)
def test_what_is_no_model_yet_is_refused_with_the_reason(
    worker: Worker, name: str, sentence: str
) -> None:
    assert sentence in _refused(worker, f"{MODELS}:{name}")
