"""Libraries that phone home are told not to by whatever part of edgeml is imported first."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgeml.quiet import SILENCES, be_quiet

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "runtime.md").read_text()
PROGRAMS = sorted(p for folder in ("benchmarks", "scripts") for p in (ROOT / folder).rglob("*.py"))


def test_what_the_operator_says_stays() -> None:
    switches = {silence.variable: silence.on for silence in SILENCES}
    environment = dict(switches)
    be_quiet(environment)
    assert environment == switches


def test_an_empty_variable_says_nothing() -> None:
    environment = {silence.variable: "" for silence in SILENCES}
    be_quiet(environment)
    assert environment == {silence.variable: silence.off for silence in SILENCES}


@pytest.mark.parametrize(
    "package", ["edgeml", "edgeml_converters", "edgeml_runtime", "edgeml_devices.broker"]
)
def test_each_part_of_edgeml_says_it(package: str) -> None:
    variables = [silence.variable for silence in SILENCES]
    code = f"import {package}, os; print([os.environ.get(v) for v in {variables!r}])"
    environment = {k: v for k, v in os.environ.items() if k not in variables}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == str([silence.off for silence in SILENCES])


def test_each_switch_is_in_the_page() -> None:
    for silence in SILENCES:
        for value in (silence.off, silence.on):
            assert f"`{silence.variable}={value}`" in PAGE


def imports(path: Path) -> list[str]:
    """The packages that a program imports, in the order of their lines."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name.partition(".")[0]) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append((node.lineno, node.module.partition(".")[0]))
    return [name for _, name in sorted(found)]


def test_a_program_of_ours_imports_edgeml_before_onnxruntime() -> None:
    """Those outside of edgeml's packages; tests/conftest.py does it for the tests."""
    loading = [path for path in PROGRAMS if "onnxruntime" in imports(path)]
    assert loading, "the check looks at nothing"
    for path in loading:
        names = imports(path)
        ours = [n for n, name in enumerate(names) if name.startswith("edgeml")]
        assert ours and ours[0] < names.index("onnxruntime"), path
