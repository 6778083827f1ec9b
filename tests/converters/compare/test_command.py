"""`edgeml compare` as it is called: a table, a document, an exit code."""

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np

from edgeml_converters.compare.compare import Comparison
from tests import onnx_models
from tests.converters import tflite_models
from tests.converters.compare.models import normal_data, pair


def compare(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgeml.cli", "compare", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_the_command_says_the_same_in_a_table_and_in_json(tmp_path: Path) -> None:
    a = pair(tmp_path / "a.onnx", ("first", "second"))
    b = tflite_models.pair(tmp_path / "b.tflite", ("second", "first"))
    data = normal_data(tmp_path, a=(3,), b=(3,))
    done = compare(a, b, "--data", data)
    assert done.returncode == 0, done.stderr
    assert "They say the same." in done.stdout
    assert "output 'first' of A is 'second' of B" in done.stdout
    assert "first is taken for unknown, since nothing says what it is" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    done = compare(a, b, "--data", data, "--json")
    assert msgspec.json.decode(done.stdout, type=Comparison).answer == "same"


def test_the_command_ends_with_4_and_shows_flips(tmp_path: Path) -> None:
    a = onnx_models.scale(tmp_path / "a.onnx", 2.0)
    b = onnx_models.scale(tmp_path / "b.onnx", -2.0)
    done = compare(a, b, "--data", normal_data(tmp_path, x=(4,)), "--output", "y=logits")
    assert done.returncode == 4
    assert "70 flips of y on onnxruntime, the 8 with the widest margins" in done.stdout
    assert "y is taken for logits, as --output says" in done.stdout
    sentence = done.stderr.splitlines()[-1]
    assert sentence.startswith("edgeml: b.onnx does not say the same as a.onnx: onnxruntime: ")
    done = compare(a, b, "--data", normal_data(tmp_path, x=(4,)), "--output", "y=mask")
    assert done.returncode == 2 and "takes 'y' for mask, which wants a picture" in done.stderr


def test_a_data_file_of_convert_is_taken_with_all_that_it_holds(tmp_path: Path) -> None:
    a = onnx_models.scale(tmp_path / "a.onnx", 2.0)
    b = onnx_models.scale(tmp_path / "b.onnx", 2.001)
    x = np.random.default_rng(0).normal(size=(70, 4)).astype(np.float32)
    data = tmp_path / "data.npz"
    names = np.array(["at [a]", "b"] * 35)
    np.savez(data, x=x, labels=np.arange(70) % 4, site=names, **{"expected/y": x * 2})
    done = compare(a, b, "--data", data, "--slice-by", "site", "--exact", "--output", "y=logits")
    assert done.returncode == 4, done.stderr
    assert "2 slices by site on onnxruntime" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["at", "[a]", "35", "66.0", "100.0%"] in rows
    done = compare(a, b, "--data", data)
    assert done.returncode == 2 and "'site' in" in done.stderr
