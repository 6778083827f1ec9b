"""The tasks of the small models: real ones from scikit-learn and synthetic sounds, all seeded.

A task's data is split once: `train` for the weights, `check` for parity and accuracy.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_breast_cancer, load_digits

Array = npt.NDArray[Any]
SOUND_SAMPLES = 400  # 0.1 s at 4 kHz


@dataclass(frozen=True)
class Part:
    """inputs: float32, [samples, ...]; labels: int64, [samples]."""

    inputs: Array
    labels: Array


@dataclass(frozen=True)
class Task:
    """name: of the input, which is that of the array in the data file.

    output: `logits` where it is a classifier, `reconstruction` where the input is the target.
    """

    name: str
    output: str
    train: Part
    check: Part

    def write(self, path: Path, channels_last: bool = False) -> Path:
        """The data file for `edgeml convert`, with the labels or the target."""
        inputs = arrange(self.check.inputs, channels_last)
        arrays = {self.name: inputs}
        arrays["labels"] = self.check.labels if self.output == "logits" else inputs
        np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
        return path

    def write_calibration(self, path: Path, channels_last: bool = False) -> Path:
        """Inputs that the weights were trained on, so that all others can prove."""
        np.savez(path, **{self.name: arrange(self.train.inputs, channels_last)})
        return path


def arrange(inputs: Array, channels_last: bool) -> Array:
    """[n, c, h, w] as [n, h, w, c] and [n, c, t] of a sound as [n, t, c]; PyTorch's is the first.

    Rows of a sequence are [n, t, features] in both.
    """
    if not channels_last or inputs.ndim < 3 or inputs.shape[1] != 1:
        return inputs
    return np.ascontiguousarray(np.moveaxis(inputs, 1, -1))


def digits_images() -> Task:
    """8 x 8 hand-written digits as images, [n, 1, 8, 8], 0 to 1."""
    images, labels = _digits()
    return _split("image", "logits", images[:, None], labels)


def digits_rows() -> Task:
    """The same digits as sequences of 8 rows, [n, 8, 8]."""
    images, labels = _digits()
    return _split("rows", "logits", images, labels)


def digits_restored() -> Task:
    """The images as their own target."""
    images, labels = _digits()
    return _split("image", "reconstruction", images[:, None], labels)


def measurements() -> Task:
    """30 measurements of cell nuclei, standardised, as their own target: [n, 30]."""
    found: Any = load_breast_cancer()
    values = (found.data - found.data.mean(axis=0)) / found.data.std(axis=0)
    return _split("measurements", "reconstruction", values.astype(np.float32), found.target)


def sounds() -> Task:
    """Synthetic keywords, [n, 1, 400]: a tone that rises, falls or stays, or noise alone."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, 800)
    time = np.arange(SOUND_SAMPLES) / SOUND_SAMPLES
    waves: list[Array] = []
    for label in labels:
        start, sweep = rng.uniform(20, 40), (12.0, -12.0, 0.0, 0.0)[label]
        phase = 2 * np.pi * (start * time + sweep * time**2) + rng.uniform(0, 2 * np.pi)
        loudness = 0.0 if label == 3 else rng.uniform(0.5, 1.0)
        waves.append(loudness * np.sin(phase) + rng.normal(0, 0.05, SOUND_SAMPLES))
    return _split("sound", "logits", np.array(waves, np.float32)[:, None], labels)


# The seven models and what each of them learns.
TASKS = {
    "residual_cnn": digits_images,
    "gru": digits_rows,
    "lstm": digits_rows,
    "transformer": digits_rows,
    "keywords": sounds,
    "autoencoder": measurements,
    "conv_autoencoder": digits_restored,
}


def score(task: Task, found: Array) -> float:
    """How good answers to the check part are: accuracy, or the share of variance restored."""
    if task.output == "logits":
        return float((found.argmax(axis=-1) == task.check.labels).mean())
    inputs = task.check.inputs.reshape(len(found), -1)
    error = ((found.reshape(len(found), -1) - inputs) ** 2).sum()
    return float(1 - error / ((inputs - inputs.mean(axis=0)) ** 2).sum())


def _digits() -> tuple[Array, Array]:
    found: Any = load_digits()
    return (found.images / 16).astype(np.float32), found.target


def _split(name: str, output: str, inputs: Array, labels: Array) -> Task:
    order = np.random.default_rng(7).permutation(len(inputs))
    train, check = order[len(order) // 4 :], order[: len(order) // 4]

    def part(rows: Array) -> Part:
        return Part(inputs[rows], labels[rows].astype(np.int64))

    return Task(name, output, part(train), part(check))
