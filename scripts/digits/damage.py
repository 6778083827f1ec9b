"""Damages the weights of a converted model and leaves its contract and holdout as they were."""

from pathlib import Path

import numpy as np


def flip_signs(folder: Path, weights: np.ndarray) -> list[Path]:
    """Flips the sign of every other number of `weights` wherever these bytes stand in `folder`.

    Returns the files that were changed; each variant keeps its size and still loads.
    """
    signs = np.where(np.arange(weights.size) % 2, -1, 1).astype(weights.dtype)
    changed = []
    for path in sorted(folder.glob("*/*")):
        data = path.read_bytes()
        for order in (weights, weights.T):
            plain = np.ascontiguousarray(order)
            damaged = plain * signs.reshape(plain.shape)
            if plain.tobytes() in data:
                path.write_bytes(data.replace(plain.tobytes(), damaged.tobytes()))
                changed.append(path)
                break
    return changed
