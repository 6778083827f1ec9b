"""What converters of TensorFlow get wrong comes out right."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeml_converters.steps.process import Worker
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
