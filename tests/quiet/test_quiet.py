"""Our processes speak to no stranger and leave files only where docs/runtime.md says."""

import getpass
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

import pytest

from tests.missing import missing
from tests.quiet import trace
from tests.quiet.places import named, unnamed

HERE = Path(__file__).parent
DEADLINE_SECONDS = 60.0


def newcomer(folder: Path) -> dict[str, str]:
    """The environment of a newcomer: folders of his own, all of them empty, and no CI."""
    if shutil.which("strace") is None:
        missing("strace is not installed; install your system's package strace")
    if subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode:
        missing("strace may not watch a process here; allow ptrace")
    for name in ("home", "tmp", "work"):
        (folder / name).mkdir(parents=True)
    path = os.pathsep.join((os.environ["PATH"], "/usr/sbin"))
    return {"PATH": path, "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}


def quiet(code: list[str], folder: Path) -> None:
    """Runs Python and checks all that it and its children did."""
    home = newcomer(folder)
    work = folder / "work"
    done, seen = trace.run([sys.executable, *code], folder / "trace", work, home, seconds=300)
    assert done.returncode == 0, done.stderr
    assert seen.calls > 100, "strace saw nothing"
    assert seen.strangers == ()
    allowed = [work, *named(home)]
    assert unnamed(folder / "home", allowed) == []
    assert unnamed(folder / "tmp", allowed) == []
    elsewhere = [p for p in seen.made if not any(p.is_relative_to(a) for a in allowed)]
    assert [p for p in elsewhere if p.is_file() and not {"proc", "__pycache__"} & {*p.parts}] == []


@pytest.mark.broker
@pytest.mark.torch
@pytest.mark.tensorflow
def test_people_who_convert_publish_and_run_a_model_are_left_alone(tmp_path: Path) -> None:
    quiet([str(HERE / "story.py")], tmp_path)
    assert (tmp_path / "work" / "store" / "net" / "state.json").is_file()


@pytest.mark.torch
@pytest.mark.tensorflow
def test_frameworks_are_quiet_when_they_are_loaded(tmp_path: Path) -> None:
    frameworks = "torch, tensorflow, keras, tf2onnx, litert_torch, onnxscript, litert_quantizer"
    quiet(["-W", "ignore", "-c", f"import edgeml, {frameworks}"], tmp_path)


PREDICTS = """
import sys
from edgeml_runtime.engines.registry import probe
assert probe("onnxruntime").ok
sys.stdin.read()
"""


def test_onnxruntime_reports_nothing_unless_its_operator_has_left_it_on(tmp_path: Path) -> None:
    """Both at once: when the one that may has looked up its maker, the other has had the time.

    Without a network, so that nothing leaves this machine.
    """
    alone = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*alone, "true"], capture_output=True).returncode:
        missing("unshare may not make a network here; run the tests as root")
    with (
        Watched(tmp_path / "off", alone) as off,
        Watched(tmp_path / "on", alone, ORT_DISABLE_TELEMETRY="0") as on,
    ):
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not on.seen().strangers:
            assert time.monotonic() < deadline, "it looked up nobody"
            threading.Event().wait(0.2)
    assert any("name look-up" in stranger for stranger in on.seen().strangers)
    assert {"deviceid", "onnxruntime.db", ".ses"} <= on.left()
    assert (off.seen().calls > 100, off.seen().strangers, off.left()) == (True, (), set())


class Watched:
    """A process that has predicted once and lives until the block ends."""

    def __init__(self, folder: Path, alone: list[str], **variables: str) -> None:
        self._folder, self._home = folder, newcomer(folder)
        self._trace = folder / "trace"
        self._trace.touch()
        self._process = subprocess.Popen(
            [*alone, *trace.command(self._trace, [sys.executable, "-c", PREDICTS])],
            stdin=subprocess.PIPE,
            cwd=folder / "work",
            env={**self._home, **variables},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=DEADLINE_SECONDS)

    def seen(self) -> trace.Trace:
        return trace.read(self._trace.read_text(errors="replace"), self._folder / "work")

    def left(self) -> set[str]:
        places = named(self._home)
        return {p.name for at in ("home", "tmp") for p in unnamed(self._folder / at, places)}


def test_the_folders_are_read_from_the_page() -> None:
    home = {"HOME": "/home/ada", "TMPDIR": "/tmp"}
    found = named(home)
    assert Path(home["HOME"]) / ".cache" / "matplotlib" in found
    assert Path(home["TMPDIR"]) / f"torchinductor_{getpass.getuser()}" in found
