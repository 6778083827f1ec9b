"""The benchmark of the verdict runs: its tasks have good and bad variants, which it counts."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.torch


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "benchmarks" / "verdict.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_a_few_tasks_give_every_figure_that_is_asked_for() -> None:
    done = _run("--quick", "--cases", "alarms", "furnace")
    assert done.returncode == 0, done.stderr[-2000:]
    document: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    figures = document["figures"]
    assert (document["benchmark"], document["quick"], figures["tasks"]) == ("verdict", True, 2)
    assert figures["bad"] >= 10 and figures["good"] >= 10
    for right in ("bad_same", "good_differs", "good_cannot"):
        for samples in (64, 200):
            for judge in ("", "no_error_", "unknown_", "naive_", "polygraphy_"):
                assert 0 <= figures[f"{judge}{right}_{samples}"] <= 1
    assert figures["bad_same_200"] < figures["naive_bad_same_200"]
    assert figures["device_found"] == figures["device_found_16"] > 0.95
    assert figures["device_refused"] == figures["device_refused_16"] < 0.05
    assert all(value is not None for value in figures.values()) and not document.get("why")
    assert "mean of 2" in done.stdout


def test_a_task_that_is_not_there_is_named() -> None:
    done = _run("--quick", "sundial")
    assert done.returncode == 2
    assert "sundial" in done.stderr
