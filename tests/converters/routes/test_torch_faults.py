"""What exporters of PyTorch get wrong comes out right."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.formats.npz import load
from edgeml_converters.steps.messages import Done, Predict
from edgeml_converters.steps.process import Worker
from tests.converters.routes.routed import route

pytestmark = pytest.mark.torch
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
