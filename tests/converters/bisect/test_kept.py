"""What people keep beside a float file, and may have changed."""

from pathlib import Path

import pytest

from edgeml.errors import InputError
from edgeml_converters.bisect.kept import read_sources


def test_where_tensors_come_from(tmp_path: Path) -> None:
    file = tmp_path / "sources.json"
    assert read_sources(file) == {}
    file.write_text('{"conv": "net.layer.0"}')
    assert read_sources(file) == {"conv": "net.layer.0"}


@pytest.mark.parametrize("text", ["", "null", '"x"', "[]", '{"a": 1}', "[" * 100_000])
def test_anything_else_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "sources.json"
    file.write_text(text)
    with pytest.raises(InputError, match=r"sources\.json should say where .*; remove it, or"):
        read_sources(file)
