"""Runs `edgeml convert` as a user does and says how it ended."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def sentence(self) -> str:
        """The last line on stderr, without the command's name."""
        assert "Traceback" not in self.err
        return self.err.strip().splitlines()[-1].removeprefix("edgeml: ")


def convert(
    source: str | Path,
    data: Path | None,
    out: Path,
    *options: str,
    to: Sequence[str] = ("onnx", "tflite"),
    folder: Path = HERE,
    timeout: float = 300,
) -> Ended:
    """`edgeml convert` with --json, called in `folder`; with --profile only where that is asked.

    timeout: in seconds.
    """
    targets = [word for target in to for word in ("--to", target)]
    command = [sys.executable, "-m", "edgeml.cli", "convert", str(source), *targets]
    given = [] if data is None else ["--data", str(data)]
    done = subprocess.run(
        # A profile takes some seconds for each variant, and what it says is tested by itself.
        [*command, *given, "--out", str(out), "--json", "--no-profile", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def write_data(path: Path, seed: int = 0, samples: int = 160, **shapes: tuple[int, ...]) -> Path:
    """Normal float32 numbers of each shape by name, and labels."""
    rng = np.random.default_rng(seed)
    arrays = {
        name: rng.normal(size=(samples, *shape)).astype(np.float32)
        for name, shape in shapes.items()
    }
    np.savez(path, labels=rng.integers(0, 10, samples), **arrays)
    return path
