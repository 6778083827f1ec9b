"""`edgeml profile` as it is called: a document, tables, and one sentence for bad input."""

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edgeml.errors import InputError, PackageError
from edgeml.profile import Profiles
from edgeml_converters.profile.files import profile_file
from edgeml_converters.profile.text import count, latency, short
from tests.converters.profile.models import PROBES, onnx_convolution
from tests.packages import tiny_package


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (count(12_345), "12,345"),
        (count(524_079_648), "524.08 M"),
        (latency(14.84), "14.8 µs"),
        (latency(30_839.7), "30,840 µs"),
        (latency(250_000), "250 ms"),
        (latency(None), ""),
        (short("a/b;c/d"), "a/b"),
        (short("x" * 30 + "/Conv"), "…" + "x" * 16 + "/Conv"),
    ],
)
def test_figures_for_people(found: str, text: str) -> None:
    assert found == text


def profile(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgeml.cli", "profile", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_command_prints_one_document_or_tables(tmp_path: Path) -> None:
    path = onnx_convolution(tmp_path / "a.onnx")
    done = profile(path, "--seconds", "0.05", "--json")
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout, type=Profiles)
    assert found.file == "a.onnx" and found.profiles[0].macs == 1104
    done = profile(path, "--seconds", "0.05")
    assert done.returncode == 0, done.stderr
    assert "a.onnx: " in done.stdout and "1,104 MACs" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    for word in ("onnxruntime", "p50", "Conv 1", "1x3x4x4", "78.3%"):
        assert word in done.stdout


def test_a_package_is_profiled_by_variant(tmp_path: Path) -> None:
    model = (PROBES / "probe.onnx").read_bytes()
    package = tiny_package(tmp_path, model_bytes=model, blob_bytes=1 << 20)
    done = profile(package, "--variant", "onnx-fp32", "--seconds", "0.05", "--json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["profiles"]
    assert found["name"] == "onnx-fp32" and found["engines"][0]["p50_us"] > 0
    done = profile(package, "--variant", "tflite-int8")
    assert done.returncode == 2
    assert "holds no variant 'tflite-int8'; it holds onnx-fp32" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.onnx", b"XX", "a.onnx is not a whole ONNX model"),
        ("a.tflite", b"XXXXXXXXXX", "a.tflite does not begin like a .tflite file"),
        ("a.tflite", b"\x1c\0\0\0TFL3" + b"\xff" * 40, "a.tflite is not a whole .tflite file"),
        ("a.edgeml", b"XX", "is not an .edgeml package"),
        ("a.bin", b"XX", "name an .onnx, a .tflite or a .edgeml"),
        ("missing.onnx", None, "There is no file"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises((InputError, PackageError), match=sentence) as found:
        profile_file(tmp_path / name, seconds=0.05)
    assert found.value.exit_code == (6 if name == "a.edgeml" else 2)
