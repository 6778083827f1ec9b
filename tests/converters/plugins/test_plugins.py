"""What another package adds by entry points: docs/extending.md's own example, installed by pip."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from edgeml.faults import Fault
from tests.converters.commands import convert, write_data
from tests.converters.plugins.sites import (
    double,
    installed,
    lenient,
    mixture,
    report_of,
    variants_of,
)

PAGE = Path(__file__).parents[3] / "docs" / "extending.md"


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the page's package was installed to."""
    blocks = dict(re.findall(r"^```(toml|python)\n(.*?)^```", PAGE.read_text(), re.M | re.S))
    folder = tmp_path_factory.mktemp("edgeml-example")
    (folder / "pyproject.toml").write_text(blocks["toml"])
    (folder / "edgeml_example.py").write_text(blocks["python"])
    site = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-build-isolation", "--target", str(site)]
    subprocess.run([*pip, *options, str(folder)], check=True)
    return site


def test_each_kind_is_added_by_the_example_of_the_page(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data(tmp_path / "data.npz", samples=200, x=(8,))
    model = mixture(tmp_path / "mixture.onnx")
    without = convert(model, data, tmp_path / "a", *lenient(), to=["onnx"])
    known, passed = variants_of(without.out)
    assert passed.passed  # as long as nobody adds them up
    installed(example, monkeypatch)
    ended = convert(model, data, tmp_path / "b", *lenient(), to=["onnx"])
    assert ended.code == 0, ended.err
    fp32, int8 = variants_of(ended.out)

    assert known.routes[0].route == "onnx-as-is"
    assert [(row.route, row.error) for row in fp32.routes] == [("onnx-unfolded", None)]
    assert fp32.passed and fp32.findings == ()
    tried = {row.name: row for row in int8.calibrators}
    assert tried.keys() == {"minmax", "percentile", "error", "entropy", "four-sigma"}
    assert tried["four-sigma"].error is None and tried["four-sigma"].snr_db is not None
    repair = int8.repairs[-1]
    assert repair.faults == (Fault.ADDED_CHECK,)  # so the comparison refused it
    assert repair.action == "keep what makes 'y' in float" and repair.kept
    assert int8.passed and int8.findings == ()
    tools = report_of(ended.out).tools
    assert tools["edgeml-example"] == "0.1.0"
    assert "edgeml-example" not in report_of(without.out).tools


def test_an_added_comparison_refuses_a_variant(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data(tmp_path / "data.npz", samples=200, x=(8,))
    installed(example, monkeypatch)
    ended = convert(
        mixture(tmp_path / "mixture.onnx"), data, tmp_path / "out",
        "--no-repair", *lenient("int8"), to=["onnx"],
    )  # fmt: skip
    assert ended.code == 4
    (int8,) = variants_of(ended.out)
    assert not int8.passed and not any(row.passed for row in int8.engines)
    (finding,) = int8.findings
    assert (finding.fault, finding.where) == (Fault.ADDED_CHECK, "y")
    assert finding.message.startswith("onnxruntime: the shares in 'y' add up to 1 but for 0.0")


def test_an_added_lint_rule_refuses_a_file_before_it_runs(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data(tmp_path / "data.npz", x=(8,))
    model = double(tmp_path / "double.onnx")
    assert convert(model, data, tmp_path / "a", to=["onnx"]).code == 0
    installed(example, monkeypatch)
    ended = convert(model, data, tmp_path / "b", to=["onnx"])
    assert ended.code == 2
    assert ended.sentence.startswith("double.onnx cannot be used: added-check: 'w' is float64")
