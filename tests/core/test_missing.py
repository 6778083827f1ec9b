"""Where the tests run decides whether what is missing skips or fails, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import HERE, LONGEST
from tests.missing import missing

ROOT = Path(__file__).parents[2]
STATE = (
    "import tests.conftest, os, hypothesis; "
    "print(hypothesis.settings.default, os.environ.get('CI'))"
)


def run(code: str, **variables: str) -> str:
    """`code` where only these variables say whether it is CI."""
    ours = {k: v for k, v in os.environ.items() if k not in ("CI", "EDGEML_TESTS_MISSING")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env={**ours, **variables}, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(
    ("variables", "how"), [({}, "Skipped"), ({"CI": "true"}, "Failed"), ({"CI": "no"}, "Skipped")]
)
def test_what_is_missing(variables: dict[str, str], how: str) -> None:
    code = (
        "from tests.missing import missing\n"
        "try: missing('no broker')\n"
        "except BaseException as error: print(type(error).__name__, error)"
    )
    assert run(code, **variables).strip() == f"{how} no broker"


def test_nothing_else_is_other_in_ci() -> None:
    assert run(STATE, CI="true") == run(STATE)
    assert run(STATE).endswith("None\n")


def test_a_process_that_a_test_starts_is_not_in_ci_either() -> None:
    assert "CI" not in os.environ
    with pytest.raises((pytest.skip.Exception, pytest.fail.Exception)):
        missing("nothing")


def test_the_files_that_go_first_are_there() -> None:
    assert all((HERE / name).is_file() for name in LONGEST)
