"""A child process that crashes, hangs, eats memory or says nothing is a typed error here."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeml.errors import Category, EdgemlError, EngineError, StageError
from edgeml_runtime import child

ENTER = """
import os, sys, signal, time
from edgeml_runtime import child
given, limits, fd = child.enter(sys.argv[1:])
"""
GIGABYTE = 1 << 30
JOB = child.Job("The job", "a_job", longer="wait", crashed="mend it")


class Run:
    """Runs code in a child, as the module of a job."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"{JOB.module}.py"

    def __call__(
        self,
        code: str,
        wall: float = 20.0,
        space: int = GIGABYTE,
        stopped: Callable[[], bool] = lambda: False,
    ) -> bytes | None:
        self._file.write_text(ENTER + code)
        return child.run(JOB, ("a", "b c"), child.Limits(wall, space), stopped)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    found = os.environ.get("PYTHONPATH")
    paths = [str(tmp_path), *([found] if found else [])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return Run(tmp_path)


def test_it_is_told_its_arguments_and_limits(run: Run) -> None:
    assert run("os.write(fd, repr((given, limits)).encode())", 5, GIGABYTE) == (
        f"(['a', 'b c'], {child.Limits(5.0, GIGABYTE)!r})".encode()
    )


def test_an_answer_of_any_length_comes_back(run: Run) -> None:
    answer = run("sys.stderr.write('x' * 300_000)\nos.write(fd, b'y' * 300_000)")
    assert answer == b"y" * 300_000


def test_the_child_has_the_lowest_priority(run: Run) -> None:
    answer = run("os.write(fd, f'{os.sched_getscheduler(0)} {os.nice(0)}'.encode())")
    assert answer is not None
    scheduler, nice = map(int, answer.split())
    assert scheduler == 5 or nice == 19  # SCHED_IDLE


@pytest.mark.parametrize(
    ("code", "wall", "kind", "says"),
    [
        ("time.sleep(60)", 0.8, StageError, "longer than 0.8 s"),
        ("while True: pass", 0.8, StageError, "longer than 0.8 s"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", 20, EngineError, "SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 20, StageError, "was killed from outside"),
        ("os._exit(3)", 20, EngineError, "exit code 3"),
        ("pass", 20, EngineError, "no result"),
        ("raise RuntimeError('odd')", 20, EngineError, "odd"),
        ("x = bytearray(2 << 30)", 20, StageError, "memory"),
    ],
)
def test_faults_are_typed(
    run: Run, code: str, wall: float, kind: type[EdgemlError], says: str
) -> None:
    with pytest.raises(kind, match=f"^The job .*{says}"):
        run(code, wall)


def test_too_much_memory_has_its_category(run: Run) -> None:
    with pytest.raises(StageError) as caught:
        run("x = bytearray(2 << 30)")
    assert caught.value.category is Category.MEMORY_ALLOCATION


def test_a_stop_ends_the_child_at_once(run: Run) -> None:
    begin = time.monotonic()
    assert run("time.sleep(60)", stopped=lambda: True) is None
    assert time.monotonic() - begin < 5
