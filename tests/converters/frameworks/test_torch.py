"""Loading PyTorch's sources in the worker: weights beside a callable, pickles that stay shut."""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgeml.errors import InputError
from edgeml_converters.formats.npz import load, save
from edgeml_converters.sources.source import parse
from edgeml_converters.steps.messages import Done, Load, Loaded, Predict
from edgeml_converters.steps.process import Worker
from tests.converters.commands import HERE

pytestmark = pytest.mark.torch
MODELS = HERE / "torch_models.py"


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What torch_models.py writes as a program."""
    folder = tmp_path_factory.mktemp("saved")
    subprocess.run([sys.executable, "-W", "ignore", MODELS, folder], check=True)
    return folder


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """One for all: importing PyTorch takes seconds."""
    with Worker(tmp_path_factory.mktemp("worker") / "log") as worker:
        yield worker


def _load(worker: Worker, text: str | Path, weights: Path | None = None) -> Loaded:
    source = parse(str(text), weights)
    return worker.ask(f"loading {source.label}", Load(source=source), Loaded, 120)


def _answer(worker: Worker, folder: Path) -> list[float]:
    """Of the model that was loaded last."""
    image = np.linspace(-1, 1, 64, dtype=np.float32).reshape(1, 1, 8, 8)
    save(folder / "image.npz", {"image": image})
    request = Predict(inputs=str(folder / "image.npz"), into=str(folder / "answer.npz"))
    worker.ask("predicting", request, Done, 120)
    return [float(number) for number in load(folder / "answer.npz")["output"][0]]


def _refused(worker: Worker, text: str | Path, weights: Path | None = None) -> str:
    with pytest.raises(InputError) as caught:
        _load(worker, text, weights)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_state_dict_makes_the_built_model_the_trained_one(
    worker: Worker, saved: Path, tmp_path: Path
) -> None:
    _load(worker, saved / "program.pt2")
    trained = _answer(worker, tmp_path)
    _load(worker, f"{MODELS}:untrained_digits")
    assert _answer(worker, tmp_path) != pytest.approx(trained, abs=1e-3)
    for name in ("weights.pt", "weights.safetensors", "training.ckpt"):
        loaded = _load(worker, f"{MODELS}:untrained_digits", saved / name)
        assert (loaded.framework, loaded.form) == ("torch", "module")
        assert _answer(worker, tmp_path) == pytest.approx(trained, abs=1e-6)


def test_weights_of_another_model_are_named(worker: Worker, saved: Path) -> None:
    said = _refused(worker, f"{MODELS}:untrained_digits", saved / "other.pt")
    assert "other.pt is no state dict of Digits" in said
    assert "it lacks 'layers.0.bias', 'layers.0.weight', 'layers.3.bias' and 1 more" in said
    assert "and has 'first.bias', 'first.weight', 'second.bias' and 1 more besides" in said


def test_weights_of_another_size_are_named(worker: Worker, saved: Path) -> None:
    said = _refused(worker, f"{MODELS}:wide_digits", saved / "weights.pt")
    assert "'layers.0.weight' must have shape 16x1x3x3, but has 8x1x3x3 in weights.pt" in said


def test_weights_need_a_module(worker: Worker, saved: Path) -> None:
    said = _refused(worker, f"{MODELS}:blur_program", saved / "weights.pt")
    assert "needs a callable that returns a torch.nn.Module" in said


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors", "program.pt2", "script.pt"])
def test_half_a_file_is_refused(worker: Worker, saved: Path, tmp_path: Path, name: str) -> None:
    half = tmp_path / name
    half.write_bytes((saved / name).read_bytes()[:-900])
    if name.startswith("weights"):
        said = _refused(worker, f"{MODELS}:untrained_digits", half)
    else:
        said = _refused(worker, half)
    assert "could not be loaded" in said or "is not a whole" in said


@pytest.mark.parametrize("name", ["evil.pt", "evil.pt2"])
def test_a_pickle_with_code_in_it_is_refused_and_not_run(
    worker: Worker, saved: Path, name: str
) -> None:
    if name == "evil.pt":
        said = _refused(worker, f"{MODELS}:untrained_digits", saved / name)
    else:
        said = _refused(worker, saved / name)
    assert f"{name} holds pickled objects besides tensors (io.open), which are not loaded" in said
    assert not (saved / "executed").exists()


@pytest.mark.parametrize(
    "member", ["data/aotinductor/model/wrapper.so", "data/constants/opaque_obj_0"]
)
def test_a_program_with_code_beside_it_is_refused(
    worker: Worker, saved: Path, tmp_path: Path, member: str
) -> None:
    program = tmp_path / "program.pt2"
    shutil.copy(saved / "program.pt2", program)
    with zipfile.ZipFile(program, "a") as archive:
        archive.writestr(f"program/{member}", b"")
    assert f"program.pt2 holds {member}, which PyTorch would execute" in _refused(worker, program)


def test_samples_of_other_inputs_are_refused(worker: Worker) -> None:
    said = _refused(worker, f"{MODELS}:digits_with_strange_samples")
    assert "returned samples for picture where the model takes image" in said
