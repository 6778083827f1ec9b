"""Makes the seven small models and their data files in a folder, each framework in its own process.

A model is then the source FOLDER/torch_zoo.py:NAME or FOLDER/keras_zoo.py:NAME.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.converters.zoo.zoo_data import TASKS

HERE = Path(__file__).parent
NAMES = tuple(TASKS)
Framework = Literal["torch", "keras"]
FRAMEWORKS: tuple[Framework, ...] = ("torch", "keras")


@dataclass(frozen=True)
class Zoo:
    """scores: of each model on the data that it was not trained on; see zoo_data.score."""

    folder: Path
    framework: Framework
    scores: dict[str, float]

    def source(self, name: str) -> str:
        return f"{self.folder / self.framework}_zoo.py:{name}"

    def data(self, name: str) -> Path:
        return self.folder / f"{name}.npz"


def make(folder: Path, framework: Framework, names: Iterable[str] = NAMES) -> Zoo:
    """Trains the models named, a second or two each, and writes their data."""
    program = f"{framework}_zoo.py"
    for name in (program, "zoo_data.py"):
        shutil.copy(HERE / name, folder)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", program, *names],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env={
            **os.environ,
            "KERAS_BACKEND": "tensorflow",
            "CUDA_VISIBLE_DEVICES": "-1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
    )
    if done.returncode:
        raise RuntimeError(f"{program} failed: {done.stderr[-2000:]}")
    zoo = Zoo(folder, framework, json.loads(done.stdout.splitlines()[-1]))
    for name in names:
        TASKS[name]().write(zoo.data(name), channels_last=framework == "keras")
    return zoo
