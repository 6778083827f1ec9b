"""What the progress of a command leaves in a file or a pipe."""

import re

import pytest

from edgeml.cli.steps import Steps


def test_a_file_gets_a_plain_line_for_each_step_that_says_how_it_ended(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(RuntimeError), Steps() as steps:
        with steps.step("load net.py:model"):
            pass
        with steps.step("convert [it]"):
            raise RuntimeError
    out, err = capsys.readouterr()
    assert out == ""
    lines = [re.sub(r" +0:00:0\d$", "", line) for line in err.splitlines()]
    assert lines == ["✓ load net.py:model", "✗ convert [it]: failed"]
