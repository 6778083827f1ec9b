"""Fixtures of the converters' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgeml_converters.steps.processes import Processes


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Engines and tools whose files are in `tmp_path`."""
    with Processes(tmp_path, timeout_seconds=120) as processes:
        yield processes
