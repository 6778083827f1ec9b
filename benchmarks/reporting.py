"""What every benchmark prints: a table for people and, as its last line, one JSON object."""

import json
import os
import platform
from collections.abc import Mapping
from pathlib import Path

Figures = Mapping[str, float | None]


def machine() -> dict[str, object]:
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    return {
        "cpu": cpu,
        "cores": len(os.sched_getaffinity(0)),
        "load_1min": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
    }


def last_line(benchmark: str, quick: bool, figures: Figures, why: Mapping[str, str]) -> None:
    """why: a reason for every figure that is None."""
    shown = {k: None if v is None else float(f"{v:.4g}") for k, v in figures.items()}
    document: dict[str, object] = {
        "benchmark": benchmark, "quick": quick, "machine": machine(), "figures": shown,
    }  # fmt: skip
    if why:
        document["why"] = dict(why)
    print(json.dumps(document))
