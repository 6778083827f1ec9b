"""All outcomes, gathered from processes that may crash."""

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tests.conformance.judge import Reason

PARTS = 2  # processes at a time
ROOT = Path(__file__).parents[2]
Outcomes = dict[tuple[str, str], str]  # (kind, case) -> passed, a Reason or what was seen
Command = Callable[[int, int], list[str]]  # (part, skip) -> what to start


def judge_process(part: int, skip: int) -> list[str]:
    numbers = map(str, (part, PARTS, skip))
    return [sys.executable, "-m", "tests.conformance.judge_process", *numbers]


def outcomes(command: Command = judge_process, parts: int = PARTS) -> Outcomes:
    with ThreadPoolExecutor(parts) as pool:
        found: Outcomes = {}
        for part in pool.map(partial(_part, command), range(parts)):
            found |= part
    return found


def _part(command: Command, part: int) -> Outcomes:
    """One part's outcomes; after a crash it goes on behind the case that caused it."""
    found: Outcomes = {}
    while True:
        done = subprocess.run(
            command(part, len(found)), cwd=ROOT, capture_output=True, text=True, timeout=300
        )
        lines: list[Any] = [json.loads(line) for line in done.stdout.splitlines()]
        for case, outcome in zip(lines[::2], lines[1::2], strict=False):
            found[case[0], case[1]] = outcome
        if done.returncode == 0:
            return found
        if len(lines) % 2 == 0:  # it ended between two cases, which no model explains
            raise RuntimeError(f"Judging ended with {done.returncode}: {done.stderr[-2000:]}")
        found[lines[-1][0], lines[-1][1]] = Reason.CRASHED
