"""A child process that crashes, hangs, eats memory or says nothing is a typed error here."""

import sys
import time
from collections.abc import Callable

import pytest

from edgeml.errors import Category, EdgemlError, EngineError, StageError
from edgeml_runtime import child

ENTER = """
import os, sys, signal, time
from edgeml_runtime import child
child.enter(child.Limits({wall}, {space}))
fd = int(sys.argv[1])
"""
GIGABYTE = 1 << 30


def run(
    code: str,
    wall: float = 20.0,
    space: int = GIGABYTE,
    stopped: Callable[[], bool] = lambda: False,
) -> bytes | None:
    source = ENTER.format(wall=wall, space=space) + code
    return child.run([sys.executable, "-c", source], child.Limits(wall, space), stopped)


def test_an_answer_of_any_length_comes_back() -> None:
    answer = run("sys.stderr.write('x' * 300_000)\nos.write(fd, b'y' * 300_000)")
    assert answer == b"y" * 300_000


def test_the_child_has_the_lowest_priority() -> None:
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
        ("os._exit(3)", 20, EngineError, "exit code 3"),
        ("pass", 20, EngineError, "no result"),
        ("raise RuntimeError('odd')", 20, EngineError, "odd"),
        ("x = bytearray(2 << 30)", 20, StageError, "memory"),
    ],
)
def test_faults_are_typed(code: str, wall: float, kind: type[EdgemlError], says: str) -> None:
    with pytest.raises(kind, match=says):
        run(code, wall)


def test_too_much_memory_has_its_category() -> None:
    with pytest.raises(StageError) as caught:
        run("x = bytearray(2 << 30)")
    assert caught.value.category is Category.MEMORY_ALLOCATION


def test_a_stop_ends_the_child_at_once() -> None:
    begin = time.monotonic()
    assert run("time.sleep(60)", stopped=lambda: True) is None
    assert time.monotonic() - begin < 5
