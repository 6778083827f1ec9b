"""What is wrong with another package's code is one sentence, and nothing else is lost by it."""

from pathlib import Path

import pytest

from tests.converters.commands import convert, write_data
from tests.converters.plugins.sites import (
    broken,
    double,
    installed,
    lenient,
    mixture,
    variants_of,
)

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
        "COARSE = Comparison(lambda _, a, b: 'coarse' if abs(a - b).max() > 1e-3 else None)",
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
        "COARSE = Comparison(lambda _, a, b: 'coarse' if abs(a - b).max() > 1e-3 else None)",
        "'x', one of edgeml.repairs, failed (TypeError: it proposes 'keep y' where a Repair is "
        "expected); mend or uninstall the package that adds it.",
    ),
    "a-range-beyond-float32": (
        "calibrators",
        "from edgeml_converters.quantise.calibrators import Calibrator\n"
        "IT = Calibrator(lambda counts, edges: (-1e300, 1e300))",
        "the calibrator x answers with no range: -1e+300 to 1e+300",
    ),
    "a-route-without-a-title": (
        "routes",
        "from edgeml_converters.routes.route import Route\n"
        "IT = Route(None, 'onnx', ('onnx-file',), 'x:y')",
        "'x' of broken-example, one of edgeml.routes, could not be loaded (TypeError: it answers "
        "None where a sentence is expected); mend or uninstall broken-example.",
    ),
    "a-repair-without-words": (
        "repairs",
        "from edgeml_converters.bisect.repairs import Repair, RepairRule\n"
        "from edgeml_converters.parity.comparisons import Comparison\n"
        "IT = RepairRule(lambda damage: [Repair(None)])\n"
        "COARSE = Comparison(lambda _, a, b: 'coarse' if abs(a - b).max() > 1e-3 else None)",
        "'x', one of edgeml.repairs, failed (TypeError: it answers None where a sentence is "
        "expected); mend or uninstall the package that adds it.",
    ),
    "no-range": (
        "calibrators",
        "from edgeml_converters.quantise.calibrators import Calibrator\n"
        "IT = Calibrator(lambda counts, edges: (float('nan'), 0.0))",
        "the calibrator x answers with no range: nan to 0.0",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_wrong_with_a_plugin_is_one_sentence(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, code, sentence = BROKEN[fault]
    data = write_data(tmp_path / "data.npz", x=(8,))
    model = mixture(tmp_path / "mixture.onnx")
    installed(broken(tmp_path / "site", kind, code), monkeypatch)
    ended = convert(model, data, tmp_path / "out", *lenient(), to=["onnx"])
    assert "Traceback" not in ended.err
    if kind == "calibrators" and "answers" in sentence:  # the others are tried all the same
        assert ended.code == 0, ended.err
        tried = {row.name: row.error for row in variants_of(ended.out)[1].calibrators}
        assert tried["x"] == sentence and tried["minmax"] is None
    else:
        assert (ended.code, ended.sentence) == (3 if "failed" in sentence else 2, sentence)
        assert not (tmp_path / "out").exists()


def test_what_a_plugin_prints_is_not_in_thereport_of(
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
    assert ended.code == 0 and variants_of(ended.out)[0].passed
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
    assert variants_of(ended.out)[0].routes[0].error == "onnxruntime: it is too good."


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


@pytest.mark.parametrize(
    ("file", "content", "sentence"),
    [
        (
            "METADATA",
            "Metadata-Version: 2.1\n",
            "'x' of broken_example, one of",
        ),
        (
            "entry_points.txt",
            b"[edgeml.routes]\nx = \xff\n",
            "An installed package has entry",
        ),
        ("entry_points.txt", "[edgeml.routes]\nx\n", "An installed package has entry"),
    ],
)
def test_broken_metadata_is_one_sentence(
    file: str, content: str | bytes, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = broken(tmp_path / "site", "routes", "IT = 3")
    raw = content if isinstance(content, bytes) else content.encode()
    (site / "broken_example-0.1.dist-info" / file).write_bytes(raw)
    installed(site, monkeypatch)
    data = write_data(tmp_path / "data.npz", x=(8,))
    ended = convert(double(tmp_path / "double.onnx"), data, tmp_path / "out", to=["onnx"])
    assert ended.code == 2 and ended.sentence.startswith(sentence), ended.err
