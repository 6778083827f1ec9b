"""One architecture through both contestants, each run in a fresh process, and what came of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from coverage_models.architecture import Architecture

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGES = Path(sys.prefix) / "model-packages"
FORMATS = ("onnx", "tflite")
TIMEOUT_SECONDS = 600.0


@dataclass
class Cell:
    """One variant by one contestant.

    said: edgeml's answer, same, differs or cannot tell; no file where nothing was made, and file
        where the exporter made one.
    seconds: of the whole process; null where other variants were made in it.
    snr, most: by the independent check, see check.py.
    why: edgeml's reason, or what the exporter ended with, in its words.
    fault: why the check could not compare.
    """

    said: str = "no file"
    seconds: float | None = None
    snr: float | None = None
    most: float | None = None
    why: str = ""
    fault: str = ""
    command: str = ""


@dataclass
class Ran:
    """What is kept of an architecture: ours and bare, by variant, as onnx-fp32."""

    name: str
    about: str
    package: str
    framework: str
    ours: dict[str, Cell] = field(default_factory=dict)
    bare: dict[str, Cell] = field(default_factory=dict)
    error: str = ""


def environment() -> dict[str, str]:
    folders = [ROOT, ROOT / "converters", ROOT / "runtime", ROOT / "devices", ROOT / "benchmarks"]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, [*folders, PACKAGES])),
        "CUDA_VISIBLE_DEVICES": "-1",
        "KERAS_BACKEND": "tensorflow",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "PYTHONWARNINGS": "ignore",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    errors: str
    seconds: float

    @property
    def last(self) -> str:
        lines = [line.strip() for line in self.errors.splitlines() if line.strip()]
        return lines[-1][:600] if lines else f"ended with {self.code}"


def run(command: Sequence[str]) -> Done:
    """In a process group of its own, which ends with it."""
    begin = time.perf_counter()
    with subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, cwd=ROOT,
    ) as process:  # fmt: skip
        try:
            out, errors = process.communicate(timeout=TIMEOUT_SECONDS)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            out, errors = "", f"took longer than {TIMEOUT_SECONDS:.0f} s"
    return Done(process.returncode, out, errors, time.perf_counter() - begin)


def edgeml_command(of: Architecture, folder: Path, to: str, precision: str, out: Path) -> list[str]:
    source = f"{(HERE / 'source.py').relative_to(ROOT)}:{of.name}"
    options = ["--weights", str(folder / "weights.pt")]
    if of.framework == "tensorflow":
        source, options = str(folder / "net.keras"), []
    data = folder / ("data.npz" if precision == "fp32" else "int8.npz")
    options += [word for meaning in of.meaning for word in ("--output", meaning)]
    options += ["--to", to, "--precision", precision, "--data", str(data), "--out", str(out)]
    return [sys.executable, "-m", "edgeml.cli", "convert", source, *options, "--no-profile"]


def convert(of: Architecture, folder: Path, to: str, precision: str, ran: Ran) -> Iterator[Any]:
    """Fills `ran.ours`; gives the files to check, as check.py takes them."""
    out = folder / f"{to.replace(',', '-')}-{precision}"
    command = edgeml_command(of, folder, to, precision, out)
    done = run(command)
    report = {}
    if (out / "report.json").is_file():
        report = {v["id"]: v for v in json.loads((out / "report.json").read_text())["variants"]}
    for form in to.split(","):
        key = f"{form}-{precision}"
        cell = Cell(command=" ".join(command[1:]).replace(str(folder), "FOLDER"), why=done.last)
        ran.ours[key] = cell
        cell.seconds = None if "," in to else done.seconds
        if key not in report:
            continue
        found = report[key]
        errors = [f["message"] for f in found["findings"] if f["severity"] == "error"]
        cell.said = found["answer"] if found["entry"] else "no file"
        cell.why = "" if found["answer"] == "same" else (errors or [done.last])[0]
        if found["entry"]:
            yield f"ours {key}", str(out / found["entry"]), found["inputs"], found["outputs"]


def export(of: Architecture, folder: Path, form: str, ran: Ran) -> Iterator[Any]:
    """Fills `ran.bare`: with a free batch, else for one sample as its user would then try."""
    command = [sys.executable, str(HERE / "bare.py"), of.name, form, str(folder)]
    cell = ran.bare[f"{form}-fp32"] = Cell()
    for options in ([], ["--otherwise"]) if form == "onnx" else ([],):
        done = run([*command, *options])
        cell.seconds, cell.command = done.seconds, " ".join([*command[1:], *options])
        if done.code == 0 and (folder / f"bare.{form}").is_file():
            cell.said = "file"
            yield f"bare {form}-fp32", str(folder / f"bare.{form}"), None, None
            return
        cell.why = done.last  # stays, where the other way works


def go(
    of: Architecture, folder: Path, *, forms: Sequence[str] = FORMATS, int8: bool, backwards: bool
) -> Ran:
    """folder: an empty one. backwards: the exporter before edgeml."""
    ran = Ran(of.name, of.about, of.package, of.framework)
    done = run([sys.executable, str(HERE / "prepare.py"), of.name, str(folder)])
    if done.code:
        ran.error = done.last
        return ran
    files: list[Any] = []
    for form in forms:
        turns = [convert(of, folder, form, "fp32", ran), export(of, folder, form, ran)]
        for turn in turns[::-1] if backwards else turns:
            files += turn
    if int8 and of.int8:
        files += convert(of, folder, ",".join(forms), "int8", ran)
    (folder / "files.json").write_text(json.dumps(files))
    checked = run([sys.executable, str(HERE / "check.py"), str(folder)])
    if checked.code:
        ran.error = checked.last
        return ran
    for key, found in json.loads(checked.out.splitlines()[-1]).items():
        whose, variant = key.split()
        cell = getattr(ran, whose)[variant]
        cell.snr, cell.most = found["snr"], found["most"]
        cell.fault = found.get("error", "")
    return ran


def as_document(ran: Ran) -> dict[str, Any]:
    return asdict(ran)


def from_document(document: dict[str, Any]) -> Ran:
    """Raises TypeError or KeyError for what another version of this file has written."""
    cells = {
        whose: {key: Cell(**cell) for key, cell in document[whose].items()}
        for whose in ("ours", "bare")
    }
    return Ran(**{**document, **cells})
