"""Runs every benchmark, one after another, and writes docs/benchmarks.md from their last lines.

    python benchmarks/all.py [--quick] [NAME ...]

A program that is not named keeps the section it has.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
# Figure -> (relation, target), as the issues ask for them.
TARGETS: dict[str, dict[str, tuple[str, float]]] = {
    "swap": {
        "failed": ("<=", 0),
        "lost": ("<=", 0),
        "p999_ratio": ("<=", 1.20),
        "p99_ratio_full_rate": ("<=", 1.20),
        "p999_ratio_tiny_500hz": ("<=", 1.20),
        "peak_memory_ratio": ("<=", 1.30),
        "peak_memory_ratio_zero_copy": ("<=", 1.10),
        "rss_growth_ratio": ("<=", 1.03),
    },
    "convert": {"convert_ratio": ("<=", 1.5)},
    "coverage": {
        "onnx_fp32_proven": (">=", 0.97),
        "tflite_fp32_proven": (">=", 0.95),
        "int8_proven": (">=", 0.80),
        "wrongly_same": ("<=", 0),
        "wrongly_refused": ("<=", 0),
        "behind_exporter": ("<=", 0),
        "time_ratio": ("<=", 1.5),
    },
    "verdict": {
        "bad_same_200": ("<=", 0.005),
        "good_differs_200": ("<=", 0.04),
        "good_cannot_200": ("<=", 0.25),
        "bad_same_64": ("<=", 0.01),
        "good_differs_64": ("<=", 0.04),
        "good_cannot_64": ("<=", 0.30),
        "device_found": (">=", 0.99),
        "device_refused": ("<=", 0.01),
    },
}
HEAD = """\
# Benchmarks

Written by `scripts/bench` from the last line that each program in
[benchmarks/](../benchmarks/README.md) prints. Ratios within one run; the rival's own figure, where
it has the same key, stands beside it.
"""


def run(name: str, quick: bool) -> dict[str, Any]:
    command = [sys.executable, str(HERE / f"{name}.py"), *(["--quick"] if quick else [])]
    print(f"bench: {' '.join(command[1:])}", file=sys.stderr, flush=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    print(done.stdout, end="")
    if done.returncode:
        sys.exit(f"bench: {name} failed with exit code {done.returncode}; see above.")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def section(document: dict[str, Any]) -> str:
    name, figures = document["benchmark"], document["figures"]
    machine = document["machine"]
    lines = [
        f"## {name}",
        "",
        f"`python benchmarks/{name}.py{' --quick' if document['quick'] else ''}` on "
        f"{machine['cores']} cores of {machine['cpu']}, Python {machine['python']}, load "
        f"{machine['load_1min']} at its end.",
        "",
        "| figure | edgeml | target | | naive |",
        "|---|---|---|---|---|",
    ]
    for key, (relation, target) in TARGETS[name].items():
        value, rival = figures.get(key), figures.get(f"naive_{key}")
        lines.append(
            f"| {key} | {shown(value)} | {relation} {target:g} | {verdict(value, relation, target)}"
            f" | {shown(rival)} |"
        )
    others = [k for k in figures if k not in TARGETS[name] and not k.startswith("naive_")]
    lines += [f"| {key} | {shown(figures[key])} | | | |" for key in others]
    lines += [f"\n{key}: {why}." for key, why in document.get("why", {}).items()]
    return "\n".join(lines) + "\n"


def shown(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def verdict(value: float | None, relation: str, target: float) -> str:
    if value is None:
        return "not taken"
    met = value <= target if relation == "<=" else value >= target
    return "met" if met else f"missed by {abs(value - target):.2g}"


def sections(text: str) -> dict[str, str]:
    return {m[1]: m[0] for m in re.finditer(r"^## (\w+)\n.*?(?=^## |\Z)", text, re.M | re.S)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="rough figures in a minute a program")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(TARGETS)}")
    options = parser.parse_args()
    unknown = set(options.names) - set(TARGETS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    found = sections(PAGE.read_text()) if PAGE.is_file() else {}
    for name in options.names or TARGETS:
        found[name] = section(run(name, options.quick))
    PAGE.write_text(
        "\n".join([HEAD, *(found[name].strip() + "\n" for name in TARGETS if name in found)])
    )


if __name__ == "__main__":
    main()
