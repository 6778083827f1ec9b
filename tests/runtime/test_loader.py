"""A model is taken up only when it says here what it said where it was proven."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest

from edgeml.contract import Contract, Tensor
from edgeml.errors import EngineError, HoldoutError
from edgeml.holdout import Holdout
from edgeml.manifest import File, Requirement, Variant
from edgeml_runtime.engines.onnx import OnnxEngine
from edgeml_runtime.serving.live import Identity
from edgeml_runtime.swap import loader
from tests import onnx_models
from tests.holdouts import shipped_holdout

FACTOR = 2.0
CONTRACT = Contract(
    inputs=(Tensor(name="features", dtype="float32", shape=("batch", 4)),),
    outputs=(Tensor(name="scores", dtype="float32", shape=("batch", 4)),),
)
FILE = File(path="variants/v/model.onnx", sha256="0" * 64, size=1, blobs=("0" * 64,))
VARIANT = Variant(
    id="v",
    format="onnx",
    precision="fp32",
    entry=FILE.path,
    files=(FILE,),
    inputs={"features": "x"},
    outputs={"scores": "y"},
    requires=(Requirement(engine="onnxruntime", version="1.20"),),
)
IDENTITY = Identity("m", "1", 1, "0" * 64, "v", "onnxruntime")


def holdout(factor: float = FACTOR, variant: str = "v", engine: str = "onnxruntime") -> Holdout:
    samples = np.random.default_rng(0).normal(size=(8, 4)).astype(np.float32)
    scores = (samples * factor).astype(np.float32)
    return shipped_holdout(
        {"features": samples}, {"scores": scores}, {(variant, engine): {"scores": scores}}
    )


@pytest.fixture(params=["as it came", "prepared"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    entry = onnx_models.scale(tmp_path / "model.onnx", FACTOR)
    return entry if request.param == "as it came" else OnnxEngine.prepare(entry, tmp_path / "into")


def test_a_model_that_keeps_its_promise_is_loaded(file: Path) -> None:
    loaded = loader.load(IDENTITY, CONTRACT, VARIANT, file, holdout())
    assert loaded.identity == IDENTITY
    assert loaded.contract == CONTRACT
    x = np.ones((3, 4), np.float32)
    np.testing.assert_allclose(loaded.engine.run({"features": x})["scores"], FACTOR * x)


def test_a_holdout_that_does_not_come_out_is_named_with_its_limit(file: Path) -> None:
    with pytest.raises(HoldoutError, match=r"'scores' has channel . at 48.* dB where 80.0"):
        loader.load(IDENTITY, CONTRACT, VARIANT, file, holdout(factor=2.01))


def test_every_sample_counts_when_all_are_checked(file: Path) -> None:
    engine = loader.open_engine("onnxruntime", VARIANT, file, CONTRACT)
    samples = holdout()
    loader.check_holdout(engine, VARIANT, samples, CONTRACT)
    samples.expected["scores"][-1, 0] += 1.0
    with pytest.raises(HoldoutError, match="'scores'"):
        loader.check_holdout(engine, VARIANT, samples, CONTRACT)


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_weights_that_are_not_numbers_are_refused(tmp_path: Path, weight: float) -> None:
    # ONNX Runtime itself loads and runs them without a word.
    with np.errstate(invalid="ignore"):
        broken = onnx_models.scale(tmp_path / "model.onnx", weight)
    with pytest.raises(HoldoutError, match=r"break the contract.*finite"):
        loader.load(IDENTITY, CONTRACT, VARIANT, broken, holdout())


@pytest.mark.parametrize("proven", [("another", "onnxruntime"), ("v", "litert")])
def test_what_was_not_proven_on_this_engine_is_refused(file: Path, proven: tuple[str, str]) -> None:
    with pytest.raises(HoldoutError, match="does not say how v did on onnxruntime in 'scores'"):
        loader.load(IDENTITY, CONTRACT, VARIANT, file, holdout(FACTOR, *proven))


def test_a_file_whose_outputs_are_not_the_contracts_is_refused(tmp_path: Path) -> None:
    narrow = onnx_models.scale(tmp_path / "model.onnx", FACTOR, width=3)
    with pytest.raises(EngineError, match="failed while predicting"):
        loader.load(IDENTITY, CONTRACT, VARIANT, narrow, holdout())


def test_work_at_low_priority_leaves_everybody_else_as_they_were() -> None:
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def nice() -> tuple[int, int]:
        return os.getpriority(os.PRIO_PROCESS, 0), threading.get_native_id()

    theirs, thread = loader.at_low_priority(nice)
    assert theirs == 19
    assert thread != threading.get_native_id()
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine


def test_an_error_at_low_priority_reaches_the_caller() -> None:
    def fail() -> None:
        raise HoldoutError("not as promised")

    with pytest.raises(HoldoutError, match="not as promised"):
        loader.at_low_priority(fail)
