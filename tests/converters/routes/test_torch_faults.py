"""What exporters of PyTorch get wrong comes out right."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.formats.npz import load
from edgeml_converters.steps.messages import Done, Predict
from edgeml_converters.steps.process import StepRefused, Worker
from edgeml_runtime.engines.tflite import LitertEngine
from tests.converters.routes.routed import route

pytestmark = pytest.mark.torch
DYNAMO, LITERT = "torch-onnx-dynamo", "torch-tflite-litert"
ROUTES = [DYNAMO, "torch-onnx-torchscript", LITERT]
MODELS = Path(__file__).parent / "torch_faults.py"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One for all: importing PyTorch takes seconds."""
    with Worker(tmp_path_factory.mktemp("worker") / "log") as worker:
        yield worker


def test_strided_constants_keep_their_values(worker: Worker, tmp_path: Path) -> None:
    """litert-torch took them all for the last one of their shape: answers were off by 2."""
    x = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:strided", "torch-tflite-litert", x=x)
    assert done.worst < 1e-4


def test_a_conversion_leaves_the_model_as_it_was(worker: Worker, tmp_path: Path) -> None:
    """litert-torch wrote the largest number over infinities in the model's own memory."""
    x = np.ones((2, 3), np.float32)
    done = route(worker, tmp_path, f"{MODELS}:masked", "torch-tflite-litert", x=x)
    again = tmp_path / "again.npz"
    request = Predict(inputs=str(tmp_path / "inputs.npz"), into=str(again))
    worker.ask("predicting", request, Done, 120)
    assert load(again)["output"].tolist() == done.expected["output"].tolist()
    assert np.isneginf(done.expected["output"][:, 1]).all()


@pytest.mark.parametrize("key", ["torch-onnx-dynamo", "torch-onnx-torchscript"])
def test_division_and_shifts_round_down(worker: Worker, tmp_path: Path, key: str) -> None:
    """The TorchScript exporter rounded them towards zero."""
    n = np.arange(-30, 30, dtype=np.int32).reshape(10, 6)
    x = (n / 2).astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:divided", key, n=n, x=x)
    assert done.worst == 0
    assert done.answers["output_0"].tolist() == (n // 3).tolist()


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *(("half", key) for key in ROUTES),
        ("bfloat16", DYNAMO),
        ("double", DYNAMO),
        ("double", LITERT),
    ],
)
def test_a_part_in_another_float_is_converted_in_float32(
    worker: Worker, tmp_path: Path, name: str, key: str
) -> None:
    """A module as a whole was made float32, but not the casts in its code; onnxruntime and TFLite
    have no convolution in float64."""
    x = np.random.default_rng(0).normal(size=(8, 3, 4)).astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:between_{name}", key, x=x)
    inside = np.tanh((x.sum(1) + 1) / 4 + 0.25)
    assert np.abs(done.answers["output"] - (inside.mean(1) + 0.25)[:, None]).max() < 1e-6
    assert done.worst < 1e-6
    assert bool(done.loaded.assumed) == (name != "double")


@pytest.mark.parametrize("key", ROUTES)
def test_autocast_inside_is_left_out_with_a_word(worker: Worker, tmp_path: Path, key: str) -> None:
    x = np.random.default_rng(0).normal(size=(8, 3, 4)).astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:autocast", key, x=x)
    truth = np.maximum((x.mean(2).sum(1) + 1) / 8, 0)
    assert np.abs(done.answers["output"][:, 0] - truth).max() < 1e-6
    assert done.worst < 1e-6
    assert "by autocast was asked and converted in float32" in done.loaded.assumed[0]


@pytest.mark.parametrize("key", [DYNAMO, LITERT])
@pytest.mark.parametrize("name", ["exported_half", "exported_autocast"])
def test_programs_that_were_exported_in_half_precision_are_asked_in_float32(
    worker: Worker, tmp_path: Path, name: str, key: str
) -> None:
    """Their graph holds the casts; in half precision nothing else says what they say."""
    x = np.random.default_rng(0).normal(size=(8, 3, 4)).astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:{name}", key, x=x)
    truth = np.maximum((x.mean(2).sum(1) + 1) / 8, 0)
    if name == "exported_half":
        truth = np.tanh((x.sum(1) + 1) / 4 + 0.25).mean(1) + 0.25
    assert np.abs(done.answers["output"] - truth[:, None]).max() < 1e-6
    assert done.worst < 1e-6
    assert len(done.loaded.assumed) == 1 and "in float32" in done.loaded.assumed[0]


@pytest.mark.parametrize(("name", "said"), [("could_halve", False), ("halves_in_a_method", True)])
def test_half_precision_is_spoken_of_where_the_model_comes_to_it(
    worker: Worker, tmp_path: Path, name: str, said: bool
) -> None:
    x = np.random.default_rng(0).normal(size=(8, 3, 4)).astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:{name}", DYNAMO, x=x)
    assert bool(done.loaded.assumed) == said
    assert done.worst < 1e-6


@pytest.mark.parametrize("key", ROUTES)
def test_integers_are_shifted(worker: Worker, tmp_path: Path, key: str) -> None:
    n = np.arange(-30, 30).reshape(10, 6)
    by = np.abs(n) % 5
    done = route(worker, tmp_path, f"{MODELS}:bits", key, n=n, by=by)
    truth = [n >> 2, n << 3, n >> by, n << by, 3 << by, np.fmod(n, 5)]
    assert [array.tolist() for array in done.answers.values()] == [one.tolist() for one in truth]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ands", "TFLite has no BitwiseAnd for int32; write the model without it, or take another"),
        ("absolute", "TFLite has no abs for int64; let the model compute in int32 there, as by"),
    ],
)
def test_what_tflite_does_not_have_is_named(
    worker: Worker, tmp_path: Path, name: str, sentence: str
) -> None:
    with pytest.raises(StepRefused, match=sentence):
        route(worker, tmp_path, f"{MODELS}:{name}", LITERT, n=np.arange(6).reshape(2, 3))


@pytest.mark.parametrize("name", ["turned_by_a_constant", "turned_by_a_weight"])
def test_complex_numbers_are_named(worker: Worker, tmp_path: Path, name: str) -> None:
    """A key error with the code around it was the reason."""
    x = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    sentence = r"litert-torch has no complex64; write the model with real and imaginary parts, or"
    with pytest.raises(StepRefused, match=sentence):
        route(worker, tmp_path, f"{MODELS}:{name}", LITERT, x=x)
    assert route(worker, tmp_path, f"{MODELS}:{name}", DYNAMO, x=x).worst < 1e-6


@pytest.mark.parametrize("key", [DYNAMO, LITERT])
def test_classes_one_hot_are_converted(worker: Worker, tmp_path: Path, key: str) -> None:
    """PyTorch checks their range with an operator that litert-torch does not have."""
    n = np.arange(12).reshape(4, 3) % 5
    done = route(worker, tmp_path, f"{MODELS}:hot", key, n=n)
    assert done.answers["output"].tolist() == np.eye(5)[n].tolist()


def test_both_ways_of_a_branch_are_in_a_file_without_branches(
    worker: Worker, tmp_path: Path
) -> None:
    """litert-torch has no torch.cond."""
    x = np.random.default_rng(0).uniform(size=(4, 3)).astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:branches", LITERT, x=x)
    assert np.abs(done.answers["output"] - (x.sum(1, keepdims=True) + 1) / 4).max() < 1e-6
    assert done.worst < 1e-6
    (below,) = LitertEngine(done.entry).run({"x": -x[:1]}).values()
    assert np.abs(below - -x[:1, :2] * 8).max() < 1e-6


@pytest.mark.parametrize("key", ROUTES)
@pytest.mark.parametrize("pixels", [1, 2])
def test_attention_over_one_pixel(worker: Worker, tmp_path: Path, key: str, pixels: int) -> None:
    """Products of a row and a column stopped litert-torch."""
    x = np.random.default_rng(0).normal(size=(8, 7, pixels, pixels)).astype(np.float32)
    done = route(worker, tmp_path, f"{MODELS}:one_pixel", key, x=x)
    q, k, v = np.split(x.reshape(8, 7, -1), [2, 4], axis=1)
    scores = q.transpose(0, 2, 1) @ k
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    truth = v @ weights.transpose(0, 2, 1) + scores.mean((1, 2), keepdims=True)
    assert np.abs(done.answers["output"] - truth).max() < 1e-5
