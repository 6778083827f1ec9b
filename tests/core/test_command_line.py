"""Bad input ends a command with one sentence and a documented exit code, never a traceback."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from edgeml import documents
from edgeml.cli import main as door
from edgeml.conversion import ConversionReport
from edgeml.inspection import Inspection
from tests.core.changes import change_report
from tests.packages import tiny_package

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """(arguments) -> exit code, standard output, standard error; in this process."""

    def command(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edgeml", *map(str, arguments)])
        try:
            door.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return command


def test_package_inspect_verify(run: Run, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "digits-1.edgeml"
    code, out, err = run("package", folder, "--name", "digits", "--version", "1", "-o", target)
    assert (code, err) == (0, "")
    assert out.startswith(f"{target}: 0.03 MB, manifest sha256 ") and out.count("\n") == 1
    assert "variants onnx-fp32" in out
    code, out, _ = run("inspect", target, "--json")
    found = documents.decode(out.encode(), Inspection, "it")
    assert code == 0 and found.manifest.name == "digits"
    code, out, _ = run("inspect", target)
    assert code == 0
    for word in ("digits 1", found.manifest_sha256, "onnx-fp32", "[batch, 16]", "16 samples"):
        assert word in out
    code, out, _ = run("verify", target)
    assert code == 0 and "digits 1 is whole" in out and found.manifest_sha256 in out


def test_inspect_names_the_level_of_a_row_and_folds_equal_ones(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    def at_levels(report: ConversionReport) -> ConversionReport:
        (engine, *_) = report.variants[0].engines
        rows = [msgspec.structs.replace(engine, optimisation=o) for o in ("all", "extended")]
        rows.append(msgspec.structs.replace(rows[0], optimisation="disabled", answer="differs"))
        variant = msgspec.structs.replace(report.variants[0], engines=tuple(rows))
        return msgspec.structs.replace(report, variants=(variant,))

    change_report(folder, at_levels)
    assert run("package", folder, *NAMED, "-o", tmp_path / "x.edgeml")[0] == 0
    parity = run("inspect", tmp_path / "x.edgeml")[1].partition("parity")[2]
    assert "onnxruntime (level disabled)" in parity and "extended" not in parity


def test_the_default_name(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert run("package", ".", "--name", "digits", "--version", "1.0")[0] == 0
    assert (folder / "digits-1.0.edgeml").is_file()


def failed_parity(folder: Path) -> Path:
    path = folder / "report.json"
    report = documents.decode(path.read_bytes(), ConversionReport, "it")
    failed = msgspec.structs.replace(report.variants[0], answer="differs")
    path.write_bytes(documents.encode(msgspec.structs.replace(report, variants=(failed,))))
    return folder


def broken(folder: Path) -> Path:
    (folder / "holdout.npz").write_bytes(b"no holdout")
    return folder


def flipped(folder: Path) -> Path:
    path = tiny_package(folder)
    data = bytearray(path.read_bytes())
    data[data.index(b"no real model")] ^= 1
    path.write_bytes(data)
    return path


def text(folder: Path) -> Path:
    path = folder / "text.edgeml"
    path.write_text("hello")
    return path


NAMED = ("--name", "a", "--version", "1")
BAD: dict[str, tuple[Callable[[Path], list[object]], int, str]] = {
    "package_missing": (lambda f: ["package", f / "no", *NAMED], 2, "edgeml convert"),
    "package_a_file": (lambda f: ["package", f / "report.json", *NAMED], 2, "edgeml convert"),
    "package_name": (lambda f: ["package", f, "--name", "a/b", "--version", "1"], 2, "not a name"),
    "package_blob": (lambda f: ["package", f, *NAMED, "--blob-bytes", "0"], 2, "blob of 0"),
    "package_parity": (lambda f: ["package", failed_parity(f), *NAMED], 4, "passed parity"),
    "package_holdout": (lambda f: ["package", broken(f), *NAMED], 6, "holdout"),
    "package_unwritable": (
        lambda f: ["package", f, *NAMED, "-o", f / "report.json" / "x"],
        9,
        "could not be written",
    ),
    "inspect_missing": (lambda f: ["inspect", f / "no"], 2, "edgeml package"),
    "inspect_a_folder": (lambda f: ["inspect", f], 2, "edgeml package"),
    "inspect_text": (lambda f: ["inspect", text(f)], 6, "not an .edgeml package"),
    "verify_missing": (lambda f: ["verify", f / "no"], 2, "edgeml package"),
    "verify_text": (lambda f: ["verify", text(f)], 6, "not an .edgeml package"),
    "verify_changed_byte": (lambda f: ["verify", flipped(f)], 6, "has digest"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input(run: Run, folder: Path, case: str) -> None:
    arguments, expected, sentence = BAD[case]
    code, out, err = run(*arguments(folder))  # type: ignore[arg-type]
    assert (code, out) == (expected, "")
    assert err.startswith("edgeml: ") and err.count("\n") == 1
    assert sentence in err and "Traceback" not in err


@pytest.mark.parametrize("arguments", [["package"], ["nonsense"], ["inspect", "--nonsense", "x"]])
def test_wrong_usage(run: Run, arguments: list[str]) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("edgeml: ") and err.count("\n") == 1 and "--help'" in err


ENDLESS = [
    *(f"profile x.onnx {option} inf" for option in ("--seconds", "--timeout")),
    *(f"profile x.onnx {option} {10**30}" for option in ("--batch", "--threads")),
    *(f"convert x --to onnx --out y {option} 1e300" for option in ("--timeout", "--memory")),
    "compare x y --data z --timeout inf",
    "bisect x --variant y --timeout inf",
    "monitor --broker mqtt://h --fleet f --db d --seconds inf",
]


@pytest.mark.parametrize("words", ENDLESS)
def test_a_figure_that_no_clock_and_no_memory_takes(run: Run, words: str) -> None:
    code, out, err = run(*words.split())
    assert (code, out) == (2, "")
    assert f"Invalid value for '{words.split()[-2]}': Input should be less than" in err


_LONG = "a" * 300
NOWHERE = [
    *(f"{command} {_LONG}.onnx" for command in ("inspect", "verify", "profile")),
    f"convert {_LONG}.onnx --to onnx --out y",
    f"convert x --to onnx --out y --data {_LONG}.npz",
    f"convert x --to onnx --out {_LONG}",
    f"convert --config {_LONG}",
    f"package {_LONG} --name n --version 1 --out y",
    f"compare {_LONG}.onnx y --data z",
    f"bisect {_LONG} --variant y",
    "inspect loop/x.edgeml",
    "convert loop/x.onnx --to onnx --out y",
    "convert x --to onnx --out loop",
]


@pytest.mark.parametrize("words", NOWHERE)
def test_a_path_that_no_disk_takes(
    run: Run, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("loop").symlink_to("loop")
    code, out, err = run(*words.split())
    assert (code, out) == (2, "")
    assert err.startswith("edgeml: ") and err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        "--tolerance y:noise=-1e9dB",
        f"--batch-axis {'9' * 5000}",
        f"--batch-axis x={'9' * 5000}",
        f"--free x:{'9' * 5000}=n",
        f"--output y=boxes,axis={'9' * 5000}",
    ],
)
def test_a_number_that_is_far_too_large(run: Run, words: str) -> None:
    code, out, err = run("convert", "x", "--to", "onnx", "--out", "y", *words.split())
    assert (code, out) == (2, "")
    assert err.startswith(f"edgeml: {words.split()[0]} ") and err.count("\n") == 1


def test_a_name_with_a_line_break_leaves_the_sentence_whole(run: Run) -> None:
    code, _, err = run("verify", "no\npackage")
    assert (code, err.count("\n")) == (2, 1) and "no package" in err


def test_a_bug_is_a_sentence_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(door, "build", build)
    code, _, err = run("verify", "x")
    assert code == 1 and err.count("\n") == 1
    assert "unforeseen ZeroDivisionError" in err and "EDGEML_DEBUG=1" in err


@pytest.mark.parametrize("unbuffered", ["", "1"])  # at the end, or in the middle of a command
@pytest.mark.parametrize("asked", ["verify PACKAGE", "doctor", "doctor --json"])
def test_a_reader_that_goes_away(asked: str, unbuffered: str, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words = asked.replace("PACKAGE", str(tiny_package(tmp_path))).split()
    command = [sys.executable, "-m", "edgeml.cli", *words]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_json_is_one_object(run: Run, folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "x.edgeml"
    run("package", folder, *NAMED, "-o", target)
    plain = json.loads(run("inspect", target, "--json")[1])
    assert set(plain) == {field.name for field in msgspec.structs.fields(Inspection)}


def test_a_full_disk_under_what_is_printed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgeml.cli", "verify", tiny_package(tmp_path)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (9, "edgeml: the disk is full; free some space.\n")


def test_nowhere_to_print_to(tmp_path: Path) -> None:
    package = tiny_package(tmp_path)
    command = [sys.executable, "-m", "edgeml.cli", "verify", str(package)]
    closed = ["sh", "-c", 'exec "$@" >&-', "sh", *command]
    done = subprocess.run(closed, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")


WAITING = """
import signal
import sys
import time
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may ignore it
import edgeml.cli.main
def run():
    try:
        print("on", flush=True)
        time.sleep(60)
    finally:
        print("tidying", flush=True)
        sys.stdin.readline()
        print("tidied", flush=True)
edgeml.cli.main.main = run
from edgeml.cli.door import main
main()
"""


def test_on_a_terminal_an_error_is_wrapped_at_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = "one-two-three " * 12 + "a/path/that-is-longer-than-a-line-" + "x" * 60 + "."
    monkeypatch.setenv("COLUMNS", "40")
    for terminal in (False, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        with pytest.raises(SystemExit):
            door.fail(sentence, 2)
        said = capsys.readouterr().err.splitlines()
        assert " ".join(said) == f"edgeml: {sentence}"
        assert len(said) == (7 if terminal else 1)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_a_command_as_an_exception_does(number: signal.Signals, code: int) -> None:
    """So that what is half-written is removed on the way out; a terminal that closes hangs up
    more than once."""
    command = [sys.executable, "-c", WAITING]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "on\n"
        process.send_signal(number)
        assert process.stdout.readline() == "tidying\n"
        for again in (signal.SIGTERM, signal.SIGHUP) if number != signal.SIGINT else ():
            process.send_signal(again)
        said, errors = process.communicate("\n", timeout=30)
        assert (said, process.returncode) == ("tidied\n", code)
        asked = "interrupted" if number == signal.SIGINT else "ended, since it was asked to"
        assert errors == f"edgeml: {asked}.\n"
