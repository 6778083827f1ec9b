"""What another package adds by entry points: docs/extending.md's own example, installed by pip."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml.conversion import ConversionReport, VariantReport
from edgeml.faults import Fault
from tests.converters.commands import convert, write_data

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
PIXELS = 3000.0


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


def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For the commands that are started from here on."""
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(site), before))))


def _model(path: Path, nodes: list[onnx.NodeProto], width: int, **weights: Any) -> Path:
    graph = helper.make_graph(
        nodes,
        "model",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", width])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def detector(path: Path) -> Path:
    """Four numbers in pixels and a score of 0 to 1 in one tensor: int8 has steps of 20 pixels."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["raw"]),
        helper.make_node("Split", ["raw", "sizes"], ["numbers", "logit"], axis=1),
        helper.make_node("Mul", ["numbers", "pixels"], ["boxes"]),
        helper.make_node("Sigmoid", ["logit"], ["score"]),
        helper.make_node("Concat", ["boxes", "score"], ["y"], axis=1),
    ]
    return _model(
        path,
        nodes,
        5,
        w=rng.normal(size=(8, 5)).astype(np.float32),
        sizes=np.array([4, 1]),
        pixels=np.float32(PIXELS),
    )


def double(path: Path) -> Path:
    """y = w x, w as float64 in the file."""
    nodes = [
        helper.make_node("Cast", ["w"], ["single"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["x", "single"], ["y"]),
    ]
    return _model(path, nodes, 8, w=np.eye(8) * 2)


def test_each_kind_is_added_by_the_example_of_the_page(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data(tmp_path / "data.npz", samples=200, x=(8,))
    model = detector(tmp_path / "detector.onnx")
    without = convert(model, data, tmp_path / "a", "--precision", "fp32,int8", to=["onnx"])
    known, passed = _variants(without.out)
    assert passed.passed  # as long as edgeml's own figures do not see it
    installed(example, monkeypatch)
    ended = convert(model, data, tmp_path / "b", "--precision", "fp32,int8", to=["onnx"])
    assert ended.code == 0, ended.err
    fp32, int8 = _variants(ended.out)

    assert known.routes[0].route == "onnx-as-is"
    assert [(row.route, row.error) for row in fp32.routes] == [("onnx-unfolded", None)]
    assert fp32.passed and fp32.findings == ()
    tried = {row.name: row for row in int8.calibrators}
    assert tried.keys() == {"minmax", "percentile", "error", "entropy", "four-sigma"}
    assert tried["four-sigma"].snr_db is not None and tried["four-sigma"].snr_db > 10
    repair = int8.repairs[-1]
    assert repair.faults == (Fault.ADDED_CHECK,)  # so the comparison refused it
    assert repair.action == "keep what makes 'y' in float" and repair.kept
    assert int8.passed and int8.findings == ()
    tools = _report(ended.out).tools
    assert tools["edgeml-example"] == "0.1.0"
    assert "edgeml-example" not in _report(without.out).tools


def test_an_added_comparison_refuses_a_variant(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data(tmp_path / "data.npz", samples=200, x=(8,))
    installed(example, monkeypatch)
    ended = convert(
        detector(tmp_path / "detector.onnx"), data, tmp_path / "out",
        "--precision", "int8", "--no-repair", to=["onnx"],
    )  # fmt: skip
    assert ended.code == 4
    (int8,) = _variants(ended.out)
    assert not int8.passed and not any(row.passed for row in int8.engines)
    (finding,) = int8.findings
    assert (finding.fault, finding.where) == (Fault.ADDED_CHECK, "y")
    assert finding.message == (
        "onnxruntime: column 4 of 'y' is 0 in every sample; keep it in float."
    )


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


BROKEN = {
    "an-import": (
        "routes",
        "import not_there",
        "'x' of broken-example, one of edgeml.routes, could not be loaded (ModuleNotFoundError: "
        "No module named 'not_there'); mend or uninstall broken-example.",
    ),
    "another-class": (
        "calibrators",
        "IT = 3",
        "'x' of broken-example, one of edgeml.calibrators, must be a Calibrator, but is a int; "
        "mend or uninstall broken-example.",
    ),
    "a-rule-that-fails": (
        "lint_rules",
        "from edgeml_converters.lint.rule import LintRule\nIT = LintRule('onnx', lambda m: m.none)",
        "'x', one of edgeml.lint_rules, failed (AttributeError: none); mend or uninstall the "
        "package that adds it.",
    ),
    "a-comparison-that-fails": (
        "comparisons",
        "from edgeml_converters.parity.comparisons import Comparison\n"
        "IT = Comparison(lambda output, found, expected: 1 / 0)",
        "'x', one of edgeml.comparisons, failed (ZeroDivisionError: division by zero); mend or "
        "uninstall the package that adds it.",
    ),
    "a-repair-that-fails": (
        "repairs",
        "from edgeml_converters.bisect.repairs import RepairRule\n"
        "from edgeml_converters.parity.comparisons import Comparison\n"
        "IT = RepairRule(lambda damage: 1 / 0)\n"
        "COARSE = Comparison(lambda _, a, b: 'coarse' if abs(a - b).max() > 1 else None)",
        "'x', one of edgeml.repairs, failed (ZeroDivisionError: division by zero); mend or "
        "uninstall the package that adds it.",
    ),
    "a-format-that-there-is-not": (
        "lint_rules",
        "from edgeml_converters.lint.rule import LintRule\nIT = LintRule('ONNX', lambda m: [])",
        "'x' of broken-example, one of edgeml.lint_rules, could not be loaded (ValueError: format "
        "'ONNX': one or more of onnx, tflite are expected); mend or uninstall broken-example.",
    ),
    "a-form-that-there-is-not": (
        "routes",
        "from edgeml_converters.routes.route import Route\n"
        "IT = Route('X', 'onnx', ('onnx',), 'x:y')",
        "'x' of broken-example, one of edgeml.routes, could not be loaded (ValueError: forms 'onnx'"
        ": one or more of module, exported, script, keras, saved-model, saved-model-v1, onnx-file, "
        "tflite-file are expected); mend or uninstall broken-example.",
    ),
    "an-import-of-many-lines": (
        "routes",
        "raise ImportError('no such library;\\ninstall it')",
        "'x' of broken-example, one of edgeml.routes, could not be loaded (ImportError: no such "
        "library;); mend or uninstall broken-example.",
    ),
    "an-import-that-exits": (
        "routes",
        "raise SystemExit(0)",
        "'x' of broken-example, one of edgeml.routes, could not be loaded (SystemExit: 0); mend or "
        "uninstall broken-example.",
    ),
    "a-comparison-that-exits": (
        "comparisons",
        "from edgeml_converters.parity.comparisons import Comparison\n"
        "IT = Comparison(lambda output, found, expected: exit(0))",
        "'x', one of edgeml.comparisons, failed (SystemExit: 0); mend or uninstall the package "
        "that adds it.",
    ),
    "a-comparison-that-writes": (
        "comparisons",
        "from edgeml_converters.parity.comparisons import Comparison\n"
        "IT = Comparison(lambda output, found, expected: expected.fill(0))",
        "'x', one of edgeml.comparisons, failed (ValueError: assignment destination is read-only); "
        "mend or uninstall the package that adds it.",
    ),
    "a-comparison-without-a-sentence": (
        "comparisons",
        "from edgeml_converters.parity.comparisons import Comparison\n"
        "IT = Comparison(lambda output, found, expected: False)",
        "'x', one of edgeml.comparisons, failed (TypeError: it answers False where a sentence is "
        "expected); mend or uninstall the package that adds it.",
    ),
    "a-rule-without-a-sentence": (
        "lint_rules",
        "from edgeml_converters.lint.rule import LintRule\nIT = LintRule('onnx', lambda m: [5])",
        "'x', one of edgeml.lint_rules, failed (TypeError: it answers 5 where a sentence is "
        "expected); mend or uninstall the package that adds it.",
    ),
    "a-repair-of-another-class": (
        "repairs",
        "from edgeml_converters.bisect.repairs import RepairRule\n"
        "from edgeml_converters.parity.comparisons import Comparison\n"
        "IT = RepairRule(lambda damage: ['keep y'])\n"
        "COARSE = Comparison(lambda _, a, b: 'coarse' if abs(a - b).max() > 1 else None)",
        "'x', one of edgeml.repairs, failed (TypeError: it proposes 'keep y' where a Repair is "
        "expected); mend or uninstall the package that adds it.",
    ),
    "a-range-beyond-float32": (
        "calibrators",
        "from edgeml_converters.quantise.calibrators import Calibrator\n"
        "IT = Calibrator(lambda counts, edges: (-1e300, 1e300))",
        "the calibrator x answers with no range: -1e+300 to 1e+300",
    ),
    "no-range": (
        "calibrators",
        "from edgeml_converters.quantise.calibrators import Calibrator\n"
        "IT = Calibrator(lambda counts, edges: (float('nan'), 0.0))",
        "the calibrator x answers with no range: nan to 0.0",
    ),
}


def broken(site: Path, kind: str, code: str, name: str = "x") -> Path:
    """A package as pip leaves it, with one entry point."""
    site.mkdir()
    (site / "broken_example.py").write_text(code)
    about = site / "broken_example-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-example\nVersion: 0.1\n")
    entries = f"[edgeml.{kind}]\n{name} = broken_example:IT\n"
    if "COARSE" in code:  # so that there is something to repair
        entries += "[edgeml.comparisons]\ncoarse = broken_example:COARSE\n"
    (about / "entry_points.txt").write_text(entries)
    return site


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_wrong_with_a_plugin_is_one_sentence(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, code, sentence = BROKEN[fault]
    data = write_data(tmp_path / "data.npz", x=(8,))
    model = detector(tmp_path / "detector.onnx")
    installed(broken(tmp_path / "site", kind, code), monkeypatch)
    ended = convert(model, data, tmp_path / "out", "--precision", "fp32,int8", to=["onnx"])
    assert "Traceback" not in ended.err
    if kind == "calibrators" and "answers" in sentence:  # the others are tried all the same
        assert ended.code == 0, ended.err
        tried = {row.name: row.error for row in _variants(ended.out)[1].calibrators}
        assert tried["x"] == sentence and tried["minmax"] is None
    else:
        assert (ended.code, ended.sentence) == (3 if "failed" in sentence else 2, sentence)
        assert not (tmp_path / "out").exists()


def test_what_a_plugin_prints_is_not_in_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from edgeml_converters.parity.comparisons import Comparison\n"
        "print('it is imported')\n"
        "IT = Comparison(lambda output, found, expected: print('it is asked'))"
    )
    installed(broken(tmp_path / "site", "comparisons", code), monkeypatch)
    data = write_data(tmp_path / "data.npz", x=(8,))
    ended = convert(double(tmp_path / "double.onnx"), data, tmp_path / "out", to=["onnx"])
    assert ended.code == 0 and _variants(ended.out)[0].passed
    assert "it is imported" in ended.err and "it is asked" in ended.err


def test_the_route_of_a_refused_file_says_what_the_comparison_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from edgeml_converters.parity.comparisons import Comparison\n"
        "IT = Comparison(lambda output, found, expected: 'it is too good.')"
    )
    installed(broken(tmp_path / "site", "comparisons", code), monkeypatch)
    data = write_data(tmp_path / "data.npz", x=(8,))
    ended = convert(double(tmp_path / "double.onnx"), data, tmp_path / "out", to=["onnx"])
    assert ended.code == 4
    assert _variants(ended.out)[0].routes[0].error == "onnxruntime: it is too good."


@pytest.mark.parametrize(
    ("kind", "code", "sentence"),
    [
        ("calibrators", "1 / 0", "'x' of broken-example, one of edgeml.calibrators, could not be"),
        ("repairs", "1 / 0", "'x' of broken-example, one of edgeml.repairs, could not be loaded"),
        ("lint-rules", "IT = 3", "'x' of broken-example is one of edgeml.lint-rules, but there"),
    ],
)
def test_what_cannot_be_asked_is_said_before_the_model_is_loaded(
    kind: str, code: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(broken(tmp_path / "site", kind, code), monkeypatch)
    data = write_data(tmp_path / "data.npz", x=(8,))
    ended = convert(double(tmp_path / "double.onnx"), data, tmp_path / "out", to=["onnx"])
    assert ended.code == 2 and ended.sentence.startswith(sentence)
    assert "load double.onnx" not in ended.err


BAD_ROUTES = {
    "nothing": ("return None", "it returned a NoneType and not a Converted"),
    "no-such-file": (
        "return Converted(entry='no.onnx', batch=None)",
        "its entry 'no.onnx' is no name of a file that it wrote",
    ),
    "another-folder": (
        "return Converted(entry=model.path.__fspath__(), batch=None)",
        "is no name of a file that it wrote",
    ),
    "a-folder": (
        "folder.joinpath('a').mkdir(); return Converted(entry='a', batch=None)",
        "it made a folder among its files, but a variant has none",
    ),
    "no-batch": (
        "folder.joinpath('m').touch(); return Converted(entry='m', batch='one')",
        "its batch is 'one' and neither None nor a number of samples",
    ),
    "no-model": (
        "folder.joinpath('m.onnx').write_bytes(b'?'); return Converted(entry='m.onnx', batch=None)",
        "m.onnx is not a whole ONNX model; save it again.",
    ),
}


@pytest.mark.parametrize("fault", BAD_ROUTES)
def test_what_a_route_does_wrong_is_recorded_and_the_next_one_tried(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, error = BAD_ROUTES[fault]
    code = (
        "from edgeml_converters.routes.route import Route\n"
        "from edgeml_converters.steps.messages import Converted\n"
        f"def bad(model, arrays, outputs, folder):\n    {body}\n"
        "IT = Route('Bad', 'onnx', ('onnx-file',), 'broken_example:bad', first=True)"
    )
    installed(broken(tmp_path / "site", "routes", code), monkeypatch)
    data = write_data(tmp_path / "data.npz", x=(8,))
    ended = convert(double(tmp_path / "double.onnx"), data, tmp_path / "out", to=["onnx"])
    assert ended.code == 0, ended.err
    bad, good = _variants(ended.out)[0].routes
    assert bad.route == "x" and error in (bad.error or "")
    assert (good.route, good.error) == ("onnx-as-is", None)


@pytest.mark.parametrize("name", ["../x", "/x", "inputs.npz", "", "x" * 65])
def test_a_name_that_would_name_another_folder_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(broken(tmp_path / "site", "routes", "IT = 3", name), monkeypatch)
    data = write_data(tmp_path / "data.npz", x=(8,))
    ended = convert(double(tmp_path / "double.onnx"), data, tmp_path / "out", to=["onnx"])
    assert (ended.code, ended.sentence) == (
        2,
        f"The name {name!r} of one of edgeml.routes must be of small letters, digits, - and _, for "
        "it names folders; ask whoever made broken-example.",
    )


def test_a_name_that_edgeml_has_itself_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_data(tmp_path / "data.npz", x=(8,))
    model = double(tmp_path / "double.onnx")
    installed(broken(tmp_path / "site", "routes", "IT = 3", "onnx-as-is"), monkeypatch)
    ended = convert(model, data, tmp_path / "out", to=["onnx"])
    assert ended.code == 2
    assert ended.sentence == (
        "There are two edgeml.routes of the name 'onnx-as-is', one of broken-example; rename that "
        "one or uninstall its package."
    )


def _report(text: str) -> ConversionReport:
    return msgspec.json.decode(text, type=ConversionReport)


def _variants(text: str) -> tuple[VariantReport, ...]:
    return _report(text).variants
