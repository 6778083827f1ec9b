"""What scripts/test starts ends with it."""

import os
import selectors
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "test"
DEADLINE_SECONDS = 30.0
# Stand in for the tests and for the checks: each says its first letter and lasts.
TESTS = """#!/usr/bin/env bash
printf t >&$SAID
exec sleep 60
"""
CHECKS = """#!/usr/bin/env bash
sleep 60 &
printf c >&$SAID
exec sleep 60
"""
ENVIRONMENT = """
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=$root/.venv
install() { :; }
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with this scripts/test, where everything is installed and nothing is ever done."""
    for name in ("scripts", ".venv/bin", "programs"):
        (tmp_path / name).mkdir(parents=True)
    shutil.copy(SCRIPT, tmp_path / "scripts")
    (tmp_path / "scripts" / "environment.sh").write_text(ENVIRONMENT)
    for name in ("scripts/model-packages.txt", ".venv/.model-packages"):
        (tmp_path / name).touch()
    needed = [f"programs/{name}" for name in ("mosquitto", "strace", "unzip")]
    for name in ("scripts/check", ".venv/bin/python", *needed):
        (tmp_path / name).write_text(CHECKS if name == "scripts/check" else TESTS)
        (tmp_path / name).chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_end_of_the_tests_from_outside_ends_the_checks_too(project: Path, number: int) -> None:
    said, into = os.pipe()
    path = os.pathsep.join((str(project / "programs"), os.environ["PATH"]))
    process = subprocess.Popen(
        ["env", "--default-signal", project / "scripts" / "test"],  # as from a terminal
        env={**os.environ, "PATH": path, "SAID": str(into)},
        pass_fds=[into],
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(into)
    assert {heard(said), heard(said)} == {b"c", b"t"}
    process.send_signal(number)
    _, errors = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, errors) == (128 + number, "")
    assert heard(said) == b"", "what has inherited the pipe has not ended"
    os.close(said)


def heard(pipe: int) -> bytes:
    """The next byte; none at the end, when no process has the other end of the pipe."""
    with selectors.DefaultSelector() as waiting:
        waiting.register(pipe, selectors.EVENT_READ)
        assert waiting.select(DEADLINE_SECONDS), "nothing was said, and something is left running"
        return os.read(pipe, 1)
