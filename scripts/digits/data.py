"""scikit-learn's digits: 1797 real hand-written digits of 8 x 8 pixels, split once and for all."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

Images = npt.NDArray[np.float32]  # [samples, 1, 8, 8], 0 to 1
Labels = npt.NDArray[np.int64]  # [samples], 0 to 9


@dataclass(frozen=True)
class Part:
    images: Images
    labels: Labels

    def save(self, path: Path, channels_last: bool = False) -> Path:
        images = self.images.transpose(0, 2, 3, 1) if channels_last else self.images
        np.savez(path, image=np.ascontiguousarray(images), labels=self.labels)
        return path


@dataclass(frozen=True)
class Digits:
    """train: for the weights; validation: for parity and the shipped holdout; replay: what the
    devices see, which no model was fitted or checked on."""

    train: Part
    validation: Part
    replay: Part


def load() -> Digits:
    raw = load_digits()
    images = (raw.images / 16).astype(np.float32)[:, None]
    labels = raw.target.astype(np.int64)
    order = np.random.default_rng(7).permutation(len(images))
    train, validation, replay = np.split(order, [len(order) * 55 // 100, len(order) * 75 // 100])
    return Digits(*(Part(images[p], labels[p]) for p in (train, validation, replay)))
