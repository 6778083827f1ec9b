"""Puts the seven small models and their data files into a folder.

A model is then the source FOLDER/torch_zoo.py:NAME or FOLDER/keras_zoo.py:NAME. Its weights are in
weights/: trained anew on another processor they would be others, and so would verdicts that are
near a limit.
"""

import json
import os
import shutil
import subprocess
import sys
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
    folder: Path
    framework: Framework

    def source(self, name: str) -> str:
        return f"{self.folder / self.framework}_zoo.py:{name}"

    def data(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def calibration(self, name: str) -> Path:
        return self.folder / f"{name}-train.npz"

    def scores(self) -> dict[str, float]:
        """What each model reaches on the data that it was not trained on; see zoo_data.score."""
        return self._run("score")

    def train(self) -> dict[str, float]:
        """Writes other weights to weights/; returns the scores."""
        scores = self._run("train")
        for file in self.folder.glob(f"*.{_SUFFIXES[self.framework]}"):
            shutil.copy(file, _weights(self.framework))
        return scores

    def _run(self, step: str) -> dict[str, float]:
        program = f"{self.framework}_zoo.py"
        done = subprocess.run(
            [sys.executable, "-W", "ignore", program, step],
            cwd=self.folder,
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
        scores: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        return scores


_SUFFIXES: dict[Framework, str] = {"torch": "pt", "keras": "weights.h5"}


def _weights(framework: Framework) -> Path:
    return HERE / "weights" / framework


def make(folder: Path, framework: Framework) -> Zoo:
    """folder: is there and empty."""
    for name in (f"{framework}_zoo.py", "zoo_data.py"):
        shutil.copy(HERE / name, folder)
    for file in _weights(framework).glob("*"):
        shutil.copy(file, folder)
    zoo = Zoo(folder, framework)
    for name in NAMES:
        task, channels_last = TASKS[name](), framework == "keras"
        task.write(zoo.data(name), channels_last)
        task.write_calibration(zoo.calibration(name), channels_last)
    return zoo
