"""`edgeml-runtime` at the keyboard: every mistake is one sentence with its exit code."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeml.errors import EdgemlError, InputError
from edgeml_runtime.__main__ import run
from edgeml_runtime.store.disk import Store

GOOD = {
    "--broker": "mqtt://127.0.0.1:1", "--fleet": "f", "--device": "d", "--model": "m",
}  # fmt: skip


def arguments(tmp_path: Path, **changes: str | None) -> list[str]:
    given: dict[str, str | None] = {**GOOD, "--store": str(tmp_path / "store")}
    given |= {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return [text for name, value in given.items() if value is not None for text in (name, value)]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"broker": None}, "--broker"),
        ({"broker": "localhost"}, "mqtt://HOST:PORT"),
        ({"broker": "http://localhost"}, "mqtt://HOST:PORT"),
        ({"fleet": "a/b"}, "fleet 'a/b' is not a name"),
        ({"device": "#"}, "device '#' is not a name"),
        ({"model": ""}, "model '' is not a name"),
        ({"channel": "+"}, "channel '+' is not a name"),
        ({"engine": "magic"}, "magic"),
        ({"rate": "fast"}, "--rate"),
        ({"rate": "-1"}, "--rate"),
        ({"rate": "nan"}, "--rate"),
        ({"window": "0"}, "--window"),
        ({"report_seconds": "0"}, "--report-seconds"),
        ({"stage_seconds": "inf"}, "--stage-seconds"),
        ({"record": "r.csv"}, "--replay"),
        ({"replay": "missing.npz"}, "missing.npz"),
        ({"http": "8080"}, "HOST:PORT"),
        ({"nonsense": "1"}, "nonsense"),
    ],
)
def test_bad_arguments(tmp_path: Path, changes: dict[str, str | None], says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)) as caught:
        run(arguments(tmp_path, **changes))
    assert caught.value.exit_code == 2 and "\n" not in str(caught.value)


def test_a_store_in_use_and_a_store_that_is_a_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "store" / "m")
    with pytest.raises(InputError, match="in use"):
        run(arguments(tmp_path))
    store.close()
    (tmp_path / "file").write_text("")
    with pytest.raises(EdgemlError) as caught:
        run(arguments(tmp_path, store=str(tmp_path / "file")))
    assert caught.value.exit_code == 9


def start(*given: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgeml_runtime", *given]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_the_process_says_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    ended = start(*arguments(tmp_path, broker="nowhere"))
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1 and ended.stderr.startswith("edgeml-runtime: ")


def test_help_names_every_option(tmp_path: Path) -> None:
    ended = start("--help")
    assert ended.returncode == 0
    for option in ("--broker", "--store", "--replay", "--record", "--http", "--socket", "--window"):
        assert option in ended.stdout


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_without_a_broker_it_waits_and_a_signal_ends_it(tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / "d.npz", x=np.zeros((2, 4), np.float32))
    given = arguments(tmp_path, replay=str(tmp_path / "d.npz"), http="127.0.0.1:0")
    command = [sys.executable, "-m", "edgeml_runtime", *given]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "started" in process.stderr.readline()
        process.send_signal(getattr(signal, name))
        rest = process.stderr.read()
        assert process.wait(timeout=30) == 0, rest
    assert "Traceback" not in rest and "stopped" in rest
