"""What converters of TensorFlow get wrong comes out right."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeml.errors import InputError
from edgeml_converters.formats.tensors import Array
from edgeml_converters.steps.process import StepRefused, Worker
from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters.routes.routed import route

pytestmark = pytest.mark.tensorflow
MODELS = Path(__file__).parent / "keras_faults.py"
ONNX, TFLITE = "tensorflow-onnx-tf2onnx", "tensorflow-tflite-saved-model"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One for all: importing TensorFlow takes seconds."""
    with Worker(tmp_path_factory.mktemp("worker") / "log") as worker:
        yield worker


@pytest.mark.parametrize(
    ("name", "key"), [("grouped", ONNX), ("grouped", TFLITE), ("grouped_saved", ONNX)]
)
def test_convolutions_in_groups_are_convolutions(
    worker: Worker, tmp_path: Path, name: str, key: str
) -> None:
    """They were left as calls of functions, and constants beside them as inputs."""
    image = np.random.default_rng(0).normal(size=(8, 8, 8, 4)).astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:{name}", key, image=image)
    assert done.worst < 1e-5
    if key == ONNX:
        assert [spec.name for spec in OnnxEngine(done.entry).signature.inputs] == ["image"]


def test_integers_are_divided_as_tensorflow_divides_them(worker: Worker, tmp_path: Path) -> None:
    """tf2onnx rounded towards zero, and wrote operators that ONNX does not have."""
    n = np.arange(-30, 30, dtype=np.int32).reshape(10, 6)
    done = route(worker, tmp_path, f"{MODELS}:divided", ONNX, n=n)
    assert done.worst == 0
    assert done.answers["down"].tolist() == (n // 4).tolist()


@pytest.mark.parametrize("key", [ONNX, TFLITE])
@pytest.mark.parametrize("name", ["chosen", "chosen_saved"])
def test_keras_finds_the_largest_and_the_smallest(
    worker: Worker, tmp_path: Path, name: str, key: str
) -> None:
    """It looks at the bits of floats, for which neither format has operators."""
    x = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    x[0, :2] = 0.0, -0.0
    done = route(worker, tmp_path, f"{MODELS}:{name}", key, x=x)
    assert done.worst == 0
    assert done.answers["most"].tolist() == x.argmax(-1).tolist()


@pytest.mark.parametrize("key", [ONNX, TFLITE])
def test_mixed_precision_is_asked_and_converted_in_float32(
    worker: Worker, tmp_path: Path, key: str
) -> None:
    """TFLite has no convolutions in half precision."""
    image = np.random.default_rng(0).normal(size=(8, 8, 8, 3)).astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:mixed", key, image=image)
    assert done.worst < 1e-6
    assert "under the policy mixed_float16; it was asked and" in done.loaded.assumed[0]


@pytest.mark.parametrize("key", [ONNX, TFLITE])
@pytest.mark.parametrize("names", [("left",), ("left", "right")])
def test_a_subclassed_model_is_told_its_inputs_by_the_data(
    worker: Worker, tmp_path: Path, names: tuple[str, ...], key: str
) -> None:
    sizes = {"left": 4, "right": 1}
    rng = np.random.default_rng(0)
    given = {name: rng.normal(size=(8, sizes[name])).astype(np.float32) for name in names}
    done = route(worker, tmp_path, f"{MODELS}:subclassed", key, **given)
    assert [one.name for one in done.loaded.inputs] == list(names)
    assert done.worst < 1e-5 and np.ptp(done.expected["output"]) > 0.1


def test_the_reference_is_what_predict_gives(worker: Worker, tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 256, (8, 12, 12, 3)).astype(np.uint8)
    done = route(worker, tmp_path, f"{MODELS}:resized", TFLITE, image=image)
    assert done.worst < 1e-5


@pytest.mark.parametrize("key", [ONNX, TFLITE])
@pytest.mark.parametrize("name", ["looked_up", "looked_up_saved"])
def test_what_preprocessing_layers_look_up_and_count(
    worker: Worker, tmp_path: Path, name: str, key: str
) -> None:
    """Neither format has the tables; TFLite cannot count, and ONNX has no Bucketize."""
    code = np.array([[70, 70], [-20, 35], [9, 35], [-20, -7], [2**40, 70]])
    size = np.array([[-3, 0, 9], [-1, -0.5, 0.5], [0.25, 0, 0.25], [1, 1, 1], [-2, 0.5, -1.1]])
    size = size.astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:{name}", key, code=code, size=size)
    steps = np.digitize(size, [-1.0, 0.0, 0.5])
    known = np.array([70, -20, 35])
    counted = (code[:, :, None] == known).sum(1)
    assert done.worst == 0
    assert done.answers["counted"][:, 1:].tolist() == counted.tolist()
    assert done.answers["counted"].sum(1).tolist() == [2] * 5
    assert done.answers["places"][0].tolist() == [2, 2]  # behind those for unknown numbers
    assert done.answers["steps"].tolist() == steps.tolist()
    assert done.answers["several"].tolist() == [
        [float(step in row) for step in range(4)] for row in steps.tolist()
    ]


@pytest.mark.parametrize("key", [ONNX, TFLITE])
def test_hashes_of_text_are_refused_by_their_layer(
    worker: Worker, tmp_path: Path, key: str
) -> None:
    code = np.array([[70, 70], [-20, 35]])
    with pytest.raises(StepRefused, match="the layer buckets computes with StringToHashBucketFast"):
        route(worker, tmp_path, f"{MODELS}:hashed", key, code=code)


@pytest.mark.parametrize("key", [ONNX, TFLITE])
def test_images_are_resized_in_every_way(worker: Worker, tmp_path: Path, key: str) -> None:
    image = np.random.default_rng(0).normal(size=(3, 6, 5, 2)).astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:resized_in_all_ways", key, image=image)
    assert done.worst < 1e-5 and done.answers["area"].shape == (3, 4, 7, 2)


@pytest.mark.parametrize(
    ("name", "x", "sentence"),
    [
        ("doubled", np.ones((2, 3)), "TFLite's operators do not compute in float64; build"),
        (
            "inverted",
            np.eye(2, dtype=np.float32)[None],
            "TFLite has no operator MatrixInverse, with",
        ),
    ],
)
def test_what_tflite_does_not_have_is_named(
    worker: Worker, tmp_path: Path, name: str, x: Array, sentence: str
) -> None:
    with pytest.raises(StepRefused, match=sentence):
        route(worker, tmp_path, f"{MODELS}:{name}", TFLITE, x=x)


def test_what_an_operator_says_of_the_data_is_shown(worker: Worker, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="The model refused the data: Input is not invertible; ch"):
        route(worker, tmp_path, f"{MODELS}:inverted", TFLITE, x=np.ones((2, 2, 2), np.float32))


@pytest.mark.parametrize("key", [ONNX, TFLITE])
def test_what_is_computed_of_sound(worker: Worker, tmp_path: Path, key: str) -> None:
    """ONNX has no complex numbers; TFLite has few operators on them."""
    rng = np.random.default_rng(0)
    sound = rng.normal(size=(3, 400)).astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:spectra", key, sound=sound)
    assert done.worst < 2e-3
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(128) / 128)
    frames = np.stack([sound[:, i : i + 128] for i in range(0, 400 - 127, 64)], axis=1) * window
    assert np.allclose(done.answers["loud"], abs(np.fft.rfft(frames)), atol=1e-4)
    tones = np.fft.rfft(sound[:, :200]) * np.linspace(1, 0, 101)
    assert np.allclose(done.answers["filtered"], np.fft.irfft(tones), atol=1e-5)
    z = (sound[:, :100] + 1j * sound[:, 100:200]) * np.exp(1j)
    assert np.allclose(done.answers["turned"], (z - z.conj() / (z + 3) ** 2).real, atol=1e-3)
