"""Core and runtime start on a device: nothing heavy is loaded, whatever is installed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("imports.py")


@pytest.mark.parametrize("package", ["edgeml", "edgeml_runtime"])
def test_no_module_loads_anything_heavy(package: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", SCRIPT, package],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["modules"]) > 3
    assert found["heavy"] == []


def test_the_check_can_fail(tmp_path: Path) -> None:
    package = tmp_path / "heavy_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "inner.py").write_text("import rich\n")
    done = subprocess.run(
        [sys.executable, SCRIPT, "heavy_package"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert json.loads(done.stdout)["heavy"] == ["rich"]


def test_importing_the_runtime_imports_no_engine(tmp_path: Path) -> None:
    """An engine that is missing or broken must not keep the daemon from starting."""
    code = (
        f"import sys; sys.argv = ['', 'edgeml_runtime']; sys.path.insert(0, {str(SCRIPT.parent)!r})"
        "; import imports; imports.main(); "
        "print(sorted({'onnxruntime', 'tflite_runtime', 'ai_edge_litert'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
