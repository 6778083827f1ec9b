"""--config: a conversion's options in a file."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.core
import typer.main

from edgeml import holdout
from edgeml.cli.conversion_file import read_options
from edgeml.cli.main import build
from tests import onnx_models
from tests.converters.commands import Ended, write_data

DOCS = Path(__file__).parents[2] / "docs" / "convert.md"
FILE = """
source = "scale.onnx"
to = "onnx"
precision = ["fp32", "int8"]
data = "data.npz"
out = "from-the-file"
repair = false
profile = false
holdout = 7
json = true

[output]
y = ["regression,axis=1,channels=0:1,error=0.5", "unknown,axis=1,channels=1:"]

[tolerance.y]
noise = "10dB"
noise-of-an-unknown-output = 0.25
"""


def _convert(folder: Path, text: str, *options: str) -> Ended:
    (folder / "conversion.toml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "edgeml.cli", "convert", "--config", "conversion.toml", *options],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def test_a_file_says_what_the_command_line_would_and_the_command_line_counts_first(
    tmp_path: Path,
) -> None:
    onnx_models.scale(tmp_path / "scale.onnx", 2.0)
    write_data(tmp_path / "data.npz", x=(4,))
    ended = _convert(tmp_path, FILE, "--out", "here", "--precision", "fp32")
    assert ended.code == 0, ended.err
    report = ended.report
    assert [variant["id"] for variant in report["variants"]] == ["onnx-fp32"]
    roles = [(role["kind"], role["start"], role["error"]) for role in report["roles"]["y"]]
    assert roles == [("regression", 0, 0.5), ("unknown", 1, None)]
    assert report["allowed"] == {
        "y:noise": pytest.approx(0.1),
        "y:noise of an unknown output": 0.25,
    }
    assert not (tmp_path / "from-the-file").exists()
    assert len(holdout.decode((tmp_path / "here" / "holdout.npz").read_bytes()).inputs["x"]) <= 7


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("metrics = 'f1'", "'metrics' is no option of 'edgeml convert'; did you mean 'metric'?"),
        ("per_tensor = true", "is no option of 'edgeml convert'; did you mean 'per-tensor'?"),
        ("zzz = 1", "there are source, to, out, data, precision,"),
        ("profile = 'yes'", "'profile' must be true or false, but is 'yes'."),
        ("repair = 1", "'repair' must be true or false, but is 1."),
        ("timeout = true", "'timeout' must be one text or number, but is True."),
        ("data = ['a']", "'data' must be one text or number, but is ['a']."),
        ("[data]\nx = 1", "'data' must be one text or number, but is {'x': 1}."),
        ("to = [['onnx']]", "'to' must hold texts and numbers, but holds ['onnx']."),
        ("source = 'a'\nto = 'onnx'\nout = 'b'\ntimeout = 'x'", "Invalid value for '--timeout'"),
        ("source = 'a'\nto = 'onnx'\nout = 'b'\nlayout = 'x'", "Invalid value for '--layout'"),
        ("to = ", "conversion.toml is not TOML ("),
        (f"opset = 0x{'F' * 5000}", "conversion.toml is not TOML (Exceeds the limit"),
        (f"keep-float = [0x{'F' * 5000}]", "conversion.toml is not TOML (Exceeds the limit"),
        (f"to = {'[' * 3000}{']' * 3000}", "nests lists or tables too deep to be read; mend it."),
        (f"data = {[1] * 5000}", "must be one text or number, but is [1, 1, 1, 1, 1, 1, ...]."),
        ("source = 'a'\nto = 'onnx'\nout = 'b'\nmemory = inf", "Invalid value for '--memory'"),
        ("source = 'a'\nto = 'onnx'\nout = 'b'\ntimeout = inf", "Invalid value for '--timeout'"),
        ("source = 'no\\nmodel.onnx'\nto = 'onnx'\nout = 'b'", "There is no model at"),
        ('source = "no\\nmodel.onnx"\nto = "onnx"\nout = "b"', "no model at no model.onnx;"),
        ("to = 'onnx'", "Missing argument 'source'"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    ended = _convert(tmp_path, text)
    assert ended.code == 2
    assert sentence in ended.sentence and ended.err.count("\n") == 1


def test_names_may_have_dots_and_the_file_a_mark_of_its_encoding(tmp_path: Path) -> None:
    file = """\ufeffsource = "m"
to = "onnx"
out = "o"
output.states.0 = "state,input=states.1"
output."states.2" = "state"
tolerance.states.0.noise = "30dB"
tolerance."states.2:noise" = 0.1
free = ["x:1"]
"""
    group = typer.main.get_command(build(["convert"]))
    assert isinstance(group, typer.core.TyperGroup)
    context = typer.Context(group.commands["convert"])
    (tmp_path / "c.toml").write_text(file)
    read_options(context, tmp_path / "c.toml")
    assert context.default_map == {
        "source": "m",
        "to": ["onnx"],
        "out": "o",
        "output": ["states.0=state,input=states.1", "states.2=state"],
        "tolerance": ["states.0:noise=30dB", "states.2:noise=0.1"],
        "free": ["x:1"],
    }


def test_the_file_of_the_docs_is_one(tmp_path: Path) -> None:
    (tmp_path / "metrics.py").write_text("def recall(labels, answers): return 1.0\n")
    write_data(tmp_path / "samples.npz", x=(4,))
    (text,) = re.findall(r"```toml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    ended = _convert(tmp_path, text)
    assert (ended.code, "net.py" in ended.sentence) == (2, True), ended.sentence


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    ended = _convert(tmp_path, "", "--config", "absent.toml")
    assert (ended.code, "absent.toml cannot be read" in ended.sentence) == (2, True)
