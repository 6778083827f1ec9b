"""Samples that a callable yields."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeml.errors import InputError
from edgeml_converters.sources.data import read
from edgeml_converters.sources.gathered import gather
from edgeml_converters.sources.source import parse_callable
from tests.converters.commands import HERE, convert


def _samples(count: int) -> Iterator[dict[str, Any]]:
    for n in range(count):
        yield {
            "x": np.full((2, 3), n, np.float32).T,
            "states.0": np.float32(n),
            "labels": n,
            "expected/y": [float(n)],
        }


def test_samples_become_arrays_with_the_sample_first(tmp_path: Path) -> None:
    gather(_samples(5), "data.py:samples", tmp_path)
    data = read(tmp_path, called=Path("data.py:samples"))
    assert {name: array.shape for name, array in data.inputs.items()} == {
        "x": (5, 3, 2), "states.0": (5,),
    }  # fmt: skip
    assert data.inputs["x"][3].tolist() == [[3, 3]] * 3
    assert data.labels is not None and data.labels.tolist() == [0, 1, 2, 3, 4]
    assert data.expected["y"].tolist() == [[0], [1], [2], [3], [4]]
    assert str(data.path) == "data.py:samples"
    assert not list(tmp_path.glob("*.raw"))


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        (3, "returned a int as data; let it yield samples"),
        ([], "yielded no sample"),
        ([np.ones(3)], "Sample 1 of data is a ndarray; yield a dict"),
        ([{"x": 1.0}, {"y": 1.0}], "Sample 2 of data holds y where the first holds x"),
        ([{"x": [1.0]}, {"x": [1.0, 2.0]}], r"'x' in sample 2 of data is float64 \[2\] where"),
        ([{"x": 1}, {"x": 1.0}], r"is float64 \[\] where the first is int64 \[\]"),
    ],
)
def test_what_is_no_data(samples: object, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        gather(samples, "data", tmp_path)


def test_files_are_no_callables(tmp_path: Path) -> None:
    (tmp_path / "a:b").write_text("")
    assert parse_callable(str(tmp_path / "a:b")) is None
    assert parse_callable("data.npz") is None
    assert parse_callable(f"{HERE}/torch_models.py:any") is not None


@pytest.mark.torch
def test_a_model_is_proven_on_what_a_callable_yields(tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text(
        "import torch\n"
        "def samples():\n"
        "    torch.manual_seed(0)\n"
        "    for n in range(12):\n"
        "        yield {'image': torch.randn(1, 8, 8)}\n"
        "def fails():\n"
        "    yield {'image': torch.randn(1, 8, 8)}\n"
        "    raise OSError('the camera is gone')\n"
    )
    model, out = f"{HERE}/torch_models.py:digits", tmp_path / "out"
    ended = convert(model, Path(f"{tmp_path}/data.py:samples"), out, to=["onnx"])
    assert ended.code == 0, ended.err
    assert ended.report["samples"] == 12
    ended = convert(model, Path(f"{tmp_path}/data.py:fails"), tmp_path / "none", to=["onnx"])
    assert ended.code == 2
    assert ended.sentence == (
        "data.py:fails could not give its data (OSError: the camera is gone); mend it."
    )
