"""README's tour, run as it stands: only its ports are changed to free ones."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
PORTS = ("1884", "8080")
pytestmark = [pytest.mark.broker, pytest.mark.torch]


def blocks() -> list[list[str]]:
    tour = (ROOT / "README.md").read_text().partition("## A five-minute tour")[2]
    return [block.splitlines() for block in re.findall(r"^```sh\n(.*?)^```", tour, re.M | re.S)]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """What a newcomer has after scripts/demo: .venv and .demo/ with models and data."""
    demo = tmp_path / ".demo"
    demo.mkdir()
    (tmp_path / ".venv").symlink_to(sys.prefix)
    made = (
        "from pathlib import Path; from data import load; d = load(); out = Path('.demo'); "
        "d.validation.save(out / 'validation.npz'); d.replay.save(out / 'replay.npz')"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "scripts" / "digits")}
    train = str(ROOT / "scripts" / "digits" / "train_torch.py")
    for command in ([sys.executable, "-c", made], [sys.executable, "-W", "ignore", train, ".demo"]):
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    edgeml = [sys.executable, "-m", "edgeml.cli"]
    source = ".demo/digits-1.pt2"
    data = ("--data", ".demo/validation.npz", "--out", ".demo/converted-1")
    named = ("--name", "digits", "--version", "1", "-o", ".demo/digits-1.edgeml")
    for command in (
        [*edgeml, "convert", source, "--to", "onnx", *data],
        [*edgeml, "package", ".demo/converted-1", *named],
    ):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def until(condition: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        threading.Event().wait(0.1)


def test_the_tour(here: Path) -> None:
    first, services, last = blocks()
    free = {port: str(free_port()) for port in PORTS}

    def shell(lines: list[str]) -> list[str]:
        return [re.sub("|".join(PORTS), lambda m: free[m[0]], line) for line in lines]

    def run(lines: list[str]) -> str:
        script = "set -eo pipefail\n. .venv/bin/activate\n" + "\n".join(shell(lines))
        done = subprocess.run(
            ["bash", "-c", script], cwd=here, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    shown = run(first)
    assert "digits 2" in shown and "tflite-fp32" in shown and "same" in shown
    report = (here / "digits-2" / "report.html").read_text()
    assert ">p50</th>" in report, "more than one variant, so each was measured"
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for number, line in enumerate(shell(services)):
            with (here / f"service-{number}.log").open("wb") as log:
                command = ["bash", "-c", f". .venv/bin/activate && exec {line}"]
                processes.append(subprocess.Popen(command, cwd=here, stdout=log, stderr=log))
            if number == 0:
                until(lambda: "mqtt://" in (here / "service-0.log").read_text(), "the broker")
        until(lambda: (here / "home.db").exists(), "the monitor")
        assert '"ready":true' in run(last[:2])
        until(lambda: " 2 " in device(run, last[-1]), "version 2 in the table")
        run(last[2:3])
        until(lambda: " 1 " in device(run, last[-1]), "version 1 in the table")
        assert all(process.poll() is None for process in processes)
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGINT)
    assert [process.wait(timeout=30) for process in processes] == [0, 0, 0]


def device(run: Callable[[list[str]], str], command: str) -> str:
    """The row of pi-1, without its last event; empty while the monitor knows no device."""
    try:
        table = run([command])
    except AssertionError as error:
        if "knows no device yet" in str(error):
            return ""
        raise
    return next((line[:90] for line in table.splitlines() if line.startswith("pi-1")), "")
