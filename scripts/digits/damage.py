"""Damages the weights of a converted model and leaves its contract and holdout as they were."""

from pathlib import Path

import msgspec
import numpy as np

from edgeml import digests, documents
from edgeml.conversion import ConversionReport


def flip_signs(folder: Path, weights: np.ndarray) -> list[Path]:
    """Flips the sign of every other number of `weights` wherever these bytes stand in `folder`.

    Returns the files that were changed; each variant keeps its size and still loads. The report
    gets their new digests, as by a build step that went wrong: `edgeml package` refuses others.
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
    path = folder / "report.json"
    report = documents.decode(path.read_bytes(), ConversionReport, "the report")
    variants = tuple(
        msgspec.structs.replace(
            variant, sha256={name: digests.sha256_file(folder / name) for name in variant.files}
        )
        for variant in report.variants
    )
    path.write_bytes(documents.encode(msgspec.structs.replace(report, variants=variants)))
    return changed
