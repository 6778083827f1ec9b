"""A step that hangs, crashes or raises in its process is a typed error that names the step."""

import os
import signal
import time
from pathlib import Path
from types import FrameType

import msgspec
import pytest

from edgeml.errors import ConversionError, InputError
from edgeml_converters.sources.source import parse
from edgeml_converters.steps import messages
from edgeml_converters.steps.messages import Close, Done, Load, Loaded
from edgeml_converters.steps.process import StepError, Worker
from tests.converters.commands import HERE


def _load(name: str, log: Path, timeout_seconds: float = 60) -> None:
    source = parse(f"{HERE / 'plain_sources.py'}:{name}")
    with Worker(log) as worker:
        worker.ask(f"loading {name}", Load(source=source), Loaded, timeout_seconds)


def test_a_hang_is_ended_at_the_limit(tmp_path: Path) -> None:
    begin = time.monotonic()
    with pytest.raises(StepError, match="loading hangs failed: it took longer than 2 s"):
        _load("hangs", tmp_path / "log", timeout_seconds=2)
    assert time.monotonic() - begin < 30


def test_a_crash_names_the_signal(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"loading crashes failed: .*SIGSEGV"):
        _load("crashes", tmp_path / "log")


def test_a_process_that_leaves_says_its_exit_code(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="exit code 3"):
        _load("leaves", tmp_path / "log")


def test_an_exception_in_the_users_own_code_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="RuntimeError: no model today"):
        _load("raises", tmp_path / "log")


def test_what_a_model_prints_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="returned str; it must return"):
        _load("prints_and_returns_text", tmp_path / "log")
    assert '{"type":"Done"}' in (tmp_path / "log").read_text()


def test_closing_leaves_no_process(tmp_path: Path) -> None:
    with Worker(tmp_path / "log") as worker:
        identity = worker.pid
        assert worker.alive
    with pytest.raises(ProcessLookupError):
        os.kill(identity, 0)


def test_what_a_step_leaves_is_where_its_log_is(tmp_path: Path) -> None:
    """And so it goes with a conversion's own files, however the process ends."""
    with pytest.raises(StepError, match="exit code 3"):
        _load("leaves_a_temporary_file", tmp_path / "log")
    assert [path.name[:5] for path in tmp_path.iterdir() if path.name != "log"] == ["left-"]


def test_an_answer_that_cannot_be_read_is_a_failure_of_the_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(line: bytes) -> None:
        raise msgspec.ValidationError("Expected `float`, got `null`")

    monkeypatch.setattr(messages, "decode_reply", decode)
    with pytest.raises(StepError, match=r"closing failed: its answer cannot be used \(Expected"):
        with Worker(tmp_path / "log") as worker:
            worker.ask("closing", Close(), Done, 60)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_ends_a_worker_that_has_not_answered(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    """What it answers yet would be taken for the answer to what is asked next, as when it is
    closed."""

    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise interruption(128 + number)

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with Worker(tmp_path / "log") as worker:
            source = parse(f"{HERE / 'plain_sources.py'}:hangs")
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            with pytest.raises(interruption):
                worker.ask("loading", Load(source=source), Loaded, 60)
            assert not worker.alive
    finally:
        signal.signal(signal.SIGALRM, before)
