"""What a conversion with parity costs, beside the exporters alone and beside Polygraphy.

    python benchmarks/convert.py [--quick]       50 s with --quick, else about five minutes

The digits CNN to ONNX fp32, every run in fresh processes, the contestants in turn. Without edgeml a
user writes convert_bare.py, or calls tf2onnx's own command.

convert_ratio        edgeml convert, with parity / torch.onnx.export alone, medians of wall time
convert_cpu_ratio    the same of processor time, which other work on the machine hardly changes
polygraphy_ratio     export and `polygraphy run` / torch.onnx.export alone: what is to be beaten
tf2onnx_ratio        edgeml convert of a SavedModel, with parity / python -m tf2onnx.convert
step_*_s             edgeml's seconds for each step, medians, by a run that is not in the ratios
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import reporting

import edgeml as edgeml  # keeps onnxruntime from phoning home, in what is started here too

HERE = Path(__file__).parent
RIVALS = HERE.parent / ".venv-bench" / "bin"
ENVIRONMENT = {
    **os.environ,
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "PYTHONWARNINGS": "ignore",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
Command = list[str]


@dataclass(frozen=True)
class Ran:
    """wall, cpu: seconds, of all its processes; passed: its own verdict, by its exit code."""

    wall: float
    cpu: float
    passed: bool
    out: str


def run(commands: list[Command]) -> Ran:
    """The commands one after another, each in a fresh process."""
    before, begin = os.times(), time.perf_counter()
    out, passed = "", True
    for command in commands:
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300)
        out, passed = done.stdout, passed and done.returncode == 0
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
    wall, after = time.perf_counter() - begin, os.times()
    children = after.children_user + after.children_system
    return Ran(wall, children - before.children_user - before.children_system, passed, out)


def contestants(folder: Path, quick: bool) -> dict[str, list[Command]]:
    """Name -> what it runs. Those that are not installed, or too slow for --quick, are left out."""

    def edgeml(source: str | Path, data: str, out: str) -> Command:
        options = ["--to", "onnx", "--data", str(folder / data), "--out", str(folder / out)]
        return [sys.executable, "-m", "edgeml.cli", "convert", str(source), *options]

    source = f"{HERE / 'convert_models.py'}:digits"
    bare = [str(HERE / "convert_bare.py"), str(folder)]
    data, out = folder / "data.npz", folder / "steps"
    found = {
        "edgeml": [edgeml(source, "data.npz", "out")],
        "torch.onnx.export": [[sys.executable, *bare]],
        "edgeml, by step": [
            [sys.executable, str(HERE / "convert_steps.py"), source, str(data), str(out)]
        ],
    }
    if (RIVALS / "polygraphy").is_file():
        compare = [str(RIVALS / "polygraphy"), "run", str(folder / "bare.onnx"), "--onnxrt"]
        compare += ["--load-inputs", str(folder / "inputs.json"), "--atol", "1e-4", "--rtol", "0"]
        compare += ["--load-outputs", str(folder / "outputs.json")]
        found["export, polygraphy"] = [[str(RIVALS / "python"), *bare, "--for-polygraphy"], compare]
    if not quick:
        saved, to = str(folder / "saved"), str(folder / "tf.onnx")
        command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", saved, "--output", to]
        found["edgeml, SavedModel"] = [edgeml(saved, "data_last.npz", "tf-out")]
        found["tf2onnx"] = [[*command, "--opset", "17"]]
    return found


def figures_of(runs: dict[str, list[Ran]]) -> tuple[dict[str, float | None], dict[str, str]]:
    why: dict[str, str] = {}
    figures: dict[str, float | None] = {}

    def ratio(key: str, ours: str, rival: str, of: str, missing: str) -> None:
        if ours not in runs or rival not in runs:
            figures[key], why[key] = None, missing
            return
        failed = [name for name in (ours, rival) if not all(r.passed for r in runs[name])]
        if failed:  # what ends early is no time to compare
            figures[key], why[key] = None, f"{' and '.join(failed)} failed in a run"
            return
        a, b = ([getattr(r, of) for r in runs[name]] for name in (ours, rival))
        figures[key] = statistics.median(a) / statistics.median(b)

    absent = "Polygraphy is not in .venv-bench, which scripts/bench-env makes"
    slow = "only the full run converts the SavedModel"
    bare, polygraphy = "torch.onnx.export", "export, polygraphy"
    ratio("convert_ratio", "edgeml", bare, "wall", "")
    ratio("convert_cpu_ratio", "edgeml", bare, "cpu", "")
    ratio("polygraphy_ratio", polygraphy, bare, "wall", absent)
    ratio("polygraphy_cpu_ratio", polygraphy, bare, "cpu", absent)
    ratio("tf2onnx_ratio", "edgeml, SavedModel", "tf2onnx", "wall", slow)
    ratio("tf2onnx_cpu_ratio", "edgeml, SavedModel", "tf2onnx", "cpu", slow)
    steps = [json.loads(r.out.splitlines()[-1]) for r in runs["edgeml, by step"] if r.passed]
    for step in steps[0] if steps else ():
        key = "step_" + "".join(c if c.isalnum() else "_" for c in step.lower()) + "_s"
        figures[key] = statistics.median(s[step] for s in steps)
    return figures, why


def print_table(runs: dict[str, list[Ran]]) -> None:
    print(f"{'':22}{'wall':>8}{'least':>8}{'cpu':>8}   verdict")
    for name, found in sorted(runs.items()):
        wall, cpu = (statistics.median(getattr(r, of) for r in found) for of in ("wall", "cpu"))
        least = min(r.wall for r in found)
        verdict = "passed" if all(r.passed for r in found) else "FAILED"
        shown = verdict if name.startswith(("edgeml", "export")) else "none"
        print(f"{name:22}{wall:6.2f} s{least:6.2f} s{cpu:6.2f} s   {shown}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a rough answer within 50 s")
    quick: bool = parser.parse_args().quick
    runs: dict[str, list[Ran]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = run([[sys.executable, str(HERE / "convert_models.py"), name]])
        if not made.passed:
            sys.exit("convert: the models to convert could not be made; see above.")
        for turn in range(1 if quick else 6):
            order = list(contestants(folder, quick).items())
            # Backwards in every other turn, so that nobody always comes after the same one.
            for contestant, commands in order[:: -1 if turn % 2 else 1]:
                print(f"{contestant} ...", file=sys.stderr, flush=True)
                found = run(commands)
                if turn or quick:  # the first turn fills the page cache
                    runs.setdefault(contestant, []).append(found)
    print_table(runs)
    figures, why = figures_of(runs)
    print()
    for key, value in figures.items():
        print(f"{key:50}{'none' if value is None else format(value, '8.3g')}")
    reporting.last_line("convert", quick, figures, why)


if __name__ == "__main__":
    main()
