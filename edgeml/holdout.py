"""The holdout: samples and the framework's own answers, so that a device can check itself.

`holdout.npz` holds `inputs/NAME`, `expected/NAME` (first axis: the sample), `labels` where known
and `tolerance/VARIANT` = float64 [max_abs, min_cosine, min_top1], see parity.Tolerance.
"""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.errors import EdgemlError, PackageError
from edgeml.parity import Tolerance

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Holdout:
    """Arrays by the contract's names; tolerances by variant id."""

    inputs: Arrays
    expected: Arrays
    tolerances: Mapping[str, Tolerance]
    labels: npt.NDArray[Any] | None = None

    @property
    def samples(self) -> int:
        return len(next(iter(self.inputs.values())))

    def head(self, samples: int) -> "Holdout":
        """The first `samples` samples."""
        return Holdout(
            inputs={name: array[:samples] for name, array in self.inputs.items()},
            expected={name: array[:samples] for name, array in self.expected.items()},
            tolerances=self.tolerances,
            labels=None if self.labels is None else self.labels[:samples],
        )


def encode(holdout: Holdout) -> bytes:
    """The bytes of `holdout.npz`; equal holdouts give equal bytes."""
    arrays = {f"inputs/{name}": array for name, array in holdout.inputs.items()}
    arrays |= {f"expected/{name}": array for name, array in holdout.expected.items()}
    for variant, t in holdout.tolerances.items():
        arrays[f"tolerance/{variant}"] = np.array([t.max_abs, t.min_cosine, t.min_top1])
    if holdout.labels is not None:
        arrays["labels"] = holdout.labels
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for key in sorted(arrays):
            member = io.BytesIO()
            np.save(member, np.ascontiguousarray(arrays[key]), allow_pickle=False)
            # A fixed time stamp: the same arrays give the same bytes.
            info = zipfile.ZipInfo(f"{key}.npy", (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, member.getvalue())
    return buffer.getvalue()


def decode(data: bytes, error: type[EdgemlError] = PackageError) -> Holdout:
    """The holdout in `data`; raises `error` when it is not one."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except Exception as cause:  # numpy raises whatever the bytes make it raise
        raise error(
            f"The holdout is not a readable .npz: {cause}; package the model again."
        ) from cause
    inputs = _under("inputs/", arrays)
    expected = _under("expected/", arrays)
    tolerances = _under("tolerance/", arrays)
    labels = arrays.get("labels")
    sampled = [*inputs.values(), *expected.values(), *([] if labels is None else [labels])]
    lengths = {len(a) if a.ndim else 0 for a in sampled}
    if not inputs or not expected or len(lengths) != 1 or 0 in lengths:
        raise error(
            "The holdout must hold inputs, expected outputs and labels of one and the same number "
            f"of samples, but has {sorted(lengths)}; package the model again."
        )
    if any(a.shape != (3,) or a.dtype != np.float64 for a in tolerances.values()):
        raise error("A tolerance in the holdout is not three numbers; package the model again.")
    return Holdout(
        inputs=inputs,
        expected=expected,
        tolerances={
            variant: Tolerance(max_abs=float(a[0]), min_cosine=float(a[1]), min_top1=float(a[2]))
            for variant, a in tolerances.items()
        },
        labels=labels,
    )


def _under(prefix: str, arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    return {key[len(prefix) :]: a for key, a in arrays.items() if key.startswith(prefix)}
