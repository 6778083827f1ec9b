"""The modules of benchmarks/, which are no package and have no types."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def on_path(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """They can be imported, and are forgotten afterwards: `coverage` is another's name too."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("coverage", "coverage_models", "reporting"):
            del sys.modules[name]


def part(name: str) -> Any:
    return importlib.import_module(name)
