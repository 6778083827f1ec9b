"""A device's environment, made for real: `pip install '.[onnx]'` and nothing else."""

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("imports.py")
pytestmark = pytest.mark.bare


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with edgeml[onnx], built from the tracked files alone."""
    folder = tmp_path_factory.mktemp("bare")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            target = folder / "source" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
    venv.create(folder / "venv", with_pip=True)
    run(folder / "venv" / "bin" / "python", "-m", "pip", "install", "-q",
        "--disable-pip-version-check", f"{folder / 'source'}[onnx]")  # fmt: skip
    return folder / "venv" / "bin"


def run(*command: str | Path, code: int = 0) -> "subprocess.CompletedProcess[str]":
    """Runs outside of the checkout, with nothing of this environment but where packages are."""
    unwanted = ("PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME")
    environment = {name: value for name, value in os.environ.items() if name not in unwanted}
    done = subprocess.run(
        [*command], capture_output=True, text=True, cwd="/", env=environment, timeout=900
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_every_module_of_the_runtime_imports_and_loads_nothing_heavy(bare: Path) -> None:
    done = run(bare / "python", "-W", "error", SCRIPT, "edgeml", "edgeml_runtime")
    found = json.loads(done.stdout)
    assert found["heavy"] == []
    assert "edgeml_runtime.engines.base" in found["modules"]
    for package in ("edgeml", "runtime/edgeml_runtime"):
        name = package.rpartition("/")[2]
        for path in (ROOT / package).rglob("*.py"):
            module = ".".join((name, *path.relative_to(ROOT / package).with_suffix("").parts))
            if not module.startswith("edgeml.cli") and _tracked(path):
                assert module.removesuffix(".__init__") in found["modules"]


def _tracked(path: Path) -> bool:
    command = ["git", "ls-files", "--error-unmatch", str(path)]
    return subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0


def test_the_runtimes_door_opens(bare: Path) -> None:
    assert "--broker" in run(bare / "edgeml-runtime", "--help").stdout


def test_the_command_line_says_what_it_needs(bare: Path) -> None:
    done = run(bare / "edgeml", "--help", code=2)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "install edgeml[workstation]" in done.stderr


def test_what_is_not_for_a_device_is_not_installed(bare: Path) -> None:
    done = run(bare / "python", "-m", "pip", "list", "--format=json", "--disable-pip-version-check")
    installed = {package["name"].lower() for package in json.loads(done.stdout)}
    assert {"edgeml", "numpy", "onnxruntime", "paho-mqtt", "msgspec"} <= installed
    assert not installed & {"torch", "tensorflow", "onnx", "typer", "rich", "scipy", "pandas"}
    assert sys.prefix not in done.stdout
