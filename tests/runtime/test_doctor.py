"""`edgeml doctor` says what works here, by running it, and how to get what does not."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from edgeml.cli import diagnosis
from edgeml.cli.diagnosis import Diagnosis, Finding, probe_apart
from edgeml.cli.doctor import doctor_command
from edgeml.errors import EngineError
from edgeml_runtime.engines import registry

NOTHING = Diagnosis(
    findings=(
        Finding(kind="engine", name="tflite", ok=False, problem="install edgeml[tflite]."),
        Finding(kind="broker", name="embedded", ok=True),
    )
)


def test_every_engine_broker_and_framework_is_listed_with_a_version_or_a_remedy() -> None:
    command = [sys.executable, "-m", "edgeml.cli", "doctor"]
    printed = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=120)
    found = msgspec.json.decode(printed.stdout, type=Diagnosis).findings
    works = [f for f in found if f.kind == "engine" and f.ok]
    assert printed.returncode == (0 if works else 10)
    assert {f.name for f in found if f.kind == "engine"} == set(registry.ENGINES)
    assert {"embedded", "mosquitto"} <= {f.name for f in found if f.kind == "broker"}
    assert {"torch", "tensorflow"} <= {f.name for f in found if f.kind == "framework"}
    for finding in found:
        assert (finding.problem is None) == finding.ok
        assert finding.ok or "install" in str(finding.problem)
    assert all(f.version for f in works)
    # The engines' own chatter stays in the processes that run them.
    assert printed.stderr == "" or printed.stderr.startswith("edgeml: ")


def test_no_engine_at_all_ends_with_the_engines_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(diagnosis, "diagnose", lambda: NOTHING)
    with pytest.raises(EngineError, match=r"install edgeml\[onnx\]"):
        doctor_command()
    # The brackets of an extra survive the table.
    assert "install edgeml[tflite]." in capsys.readouterr().out
    with pytest.raises(EngineError):
        doctor_command(as_json=True)
    assert json.loads(capsys.readouterr().out)["findings"][0]["ok"] is False


def test_an_engine_that_kills_its_process_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\nkill -ILL $$\n")
    dying.chmod(0o755)
    monkeypatch.setattr(diagnosis.sys, "executable", str(dying))
    found = probe_apart("onnxruntime")
    assert not found.ok
    assert signal.Signals.SIGILL.name in str(found.problem)


def test_an_engine_that_hangs_is_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hanging = tmp_path / "python"
    hanging.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    hanging.chmod(0o755)
    monkeypatch.setattr(diagnosis.sys, "executable", str(hanging))
    monkeypatch.setattr(diagnosis, "PROBE_SECONDS", 0.2)
    assert "did not run a tiny model" in str(probe_apart("onnxruntime").problem)
