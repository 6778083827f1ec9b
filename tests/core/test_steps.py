"""What the progress of a command leaves in a file or a pipe, and what a terminal shows."""

import re
import subprocess
import sys
from threading import Barrier, Thread

import pytest

from edgeml.cli.steps import Steps


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(variable, raising=False)


def _lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    out, err = capsys.readouterr()
    assert out == ""
    return [re.sub(r" +0:00:0\d$", "", line) for line in err.splitlines()]


def test_a_file_gets_a_plain_line_for_each_step_that_says_how_it_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(RuntimeError), Steps() as steps:
        with steps.step("load net.py:model"):
            pass
        with steps.step("convert [it]"):
            raise RuntimeError
    assert _lines(capsys) == ["✓ load net.py:model", "✗ convert [it]: failed"]


@pytest.mark.parametrize("verbose", [False, True])
def test_steps_inside_another_have_lines_of_their_own_where_that_is_asked(
    verbose: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with Steps(verbose=verbose) as steps, steps.step("onnx-int8"):
        for name in ("quantise by minmax", "parity on onnxruntime"):
            with steps.step(name):
                pass
        with pytest.raises(RuntimeError), steps.step("repair: keep it float"):
            raise RuntimeError
    inside = [
        "✓   onnx-int8: quantise by minmax",
        "✓   onnx-int8: parity on onnxruntime",
        "✗   onnx-int8: repair: keep it float: failed",
    ]
    assert _lines(capsys) == [*(inside if verbose else []), "✓ onnx-int8"]


@pytest.mark.parametrize("verbose", [False, True])
def test_threads_have_steps_of_their_own(verbose: bool, capsys: pytest.CaptureFixture[str]) -> None:
    both = Barrier(2)

    def make(variant: str) -> None:
        with steps.step(variant):
            both.wait(10)
            with steps.step("quantise"):
                both.wait(10)

    with Steps(verbose=verbose) as steps:
        threads = [Thread(target=make, args=(f"{form}-int8",)) for form in ("onnx", "tflite")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    inside = {"✓   onnx-int8: quantise", "✓   tflite-int8: quantise"} if verbose else set[str]()
    assert set(_lines(capsys)) == {"✓ onnx-int8", "✓ tflite-int8", *inside}


_SLOW = """
import sys
from edgeml.cli.steps import Steps
with Steps() as steps:
    for name in ("first", "second"):
        with steps.step(name):
            sys.stdin.readline()
"""


def test_a_pipe_gets_a_step_when_it_happens() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stderr
        for name in ("first", "second"):
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stderr.readline().startswith(f"✓ {name}")


def test_a_terminal_shows_the_step_inside_while_it_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with Steps() as steps, steps.step("onnx-int8"):
        with steps.step("quantise by minmax"):
            steps._display._progress.refresh()  # type: ignore[union-attr]
    _, err = capsys.readouterr()
    assert "quantise by minmax" in err
    assert "quantise by minmax" not in err[err.rindex("✓") :]
