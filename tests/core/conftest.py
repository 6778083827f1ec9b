"""What more than one file of this room's tests packs."""

from pathlib import Path

import pytest

from tests.flow.conversions import conversion


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return conversion(tmp_path / "conversion", 1)
