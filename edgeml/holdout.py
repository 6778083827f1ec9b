"""The holdout: samples and the framework's own answers, so that a device can check itself.

`holdout.npz` is a zip of .npy files:

    inputs/NAME      what is asked; the first axis of these three is the sample
    expected/NAME    the framework's own answer
    labels           where they are known
    spread/NAME      float64 [channels], above 0: of each channel of that output over the proof
                     rows; what counts as one is in parity/slices.py
    noise/VARIANT/ENGINE/NAME
                     float16 [2, channels], not below 0: the noise expected of that variant on that
                     engine, of the first sample alone and of all of these; see parity/shipped.py
"""

import io
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.errors import EdgemlError, PackageError

Arrays = Mapping[str, npt.NDArray[Any]]
Proven = tuple[str, str]
"""A variant id and an engine."""
_AGAIN = "package the model again."
_NPY: Any = np.lib.format  # which has no types


@dataclass(frozen=True)
class Holdout:
    """Arrays by the contract's names; noise by variant and engine, then by output."""

    inputs: Arrays
    expected: Arrays
    labels: npt.NDArray[Any] | None = None
    spreads: Arrays = field(default_factory=dict[str, npt.NDArray[Any]])
    noise: Mapping[Proven, Arrays] = field(default_factory=dict[Proven, Arrays])

    @property
    def samples(self) -> int:
        return len(next(iter(self.inputs.values())))

    def first(self) -> "Holdout":
        """The first sample alone, with the noise that is expected of it."""
        return replace(
            self,
            inputs={name: array[:1] for name, array in self.inputs.items()},
            expected={name: array[:1] for name, array in self.expected.items()},
            labels=None if self.labels is None else self.labels[:1],
            noise={
                proven: {name: array[[0, 0]] for name, array in arrays.items()}
                for proven, arrays in self.noise.items()
            },
        )


def encode(holdout: Holdout) -> bytes:
    """The bytes of `holdout.npz`; equal holdouts give equal bytes."""
    arrays = {f"inputs/{name}": array for name, array in holdout.inputs.items()}
    arrays |= {f"expected/{name}": array for name, array in holdout.expected.items()}
    arrays |= {f"spread/{name}": array for name, array in holdout.spreads.items()}
    for (variant, engine), noise in holdout.noise.items():
        arrays |= {f"noise/{variant}/{engine}/{name}": array for name, array in noise.items()}
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


def decode(
    data: bytes | Path, error: type[EdgemlError] = PackageError, *, first: bool = False
) -> Holdout:
    """The holdout in `data`, its bytes or a file; raises `error` when it is not one.

    first: of the samples only the first, as of `Holdout.first`; no more than that is read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data) if isinstance(data, bytes) else data) as archive:
            arrays = {
                name.removesuffix(".npy"): _array(archive, name, first)
                for name in archive.namelist()
            }
    except Exception as cause:  # numpy raises whatever the bytes make it raise
        raise error(f"The holdout is not a readable .npz: {cause}; {_AGAIN}") from cause
    inputs = _under("inputs/", arrays)
    expected = _under("expected/", arrays)
    labels = arrays.get("labels")
    sampled = [*inputs.values(), *expected.values(), *([] if labels is None else [labels])]
    lengths = {len(a) if a.ndim else 0 for a in sampled}
    if not inputs or not expected or len(lengths) != 1 or 0 in lengths:
        raise error(
            "The holdout must hold inputs, expected outputs and labels of one and the same number "
            f"of samples, but has {sorted(lengths)}; {_AGAIN}"
        )
    spreads = _under("spread/", arrays)
    noise: dict[Proven, dict[str, npt.NDArray[Any]]] = {}
    for key, array in _under("noise/", arrays).items():
        variant, engine, name = (*key.split("/", 2), "", "")[:3]
        noise.setdefault((variant, engine), {})[name] = array
    fault = _fault(expected, spreads, noise)
    if fault is not None:
        raise error(f"{fault}; {_AGAIN}")
    found = Holdout(inputs, expected, labels, spreads, noise)
    return found.first() if first else found


def _array(archive: zipfile.ZipFile, name: str, first: bool) -> npt.NDArray[Any]:
    """A member of the archive; only its first sample where it has samples and `first` is wanted."""
    with archive.open(name) as stream:
        if not first or name.startswith(("spread/", "noise/")):
            whole: npt.NDArray[Any] = _NPY.read_array(stream, allow_pickle=False)
            return whole
        version = _NPY.read_magic(stream)
        read = _NPY.read_array_header_1_0 if version == (1, 0) else _NPY.read_array_header_2_0
        shape, fortran, dtype = read(stream)
        if fortran or not shape or dtype.hasobject:
            raise ValueError(f"{name} has no rows in order")
        one = (min(1, shape[0]), *shape[1:])
        rest = stream.read(math.prod(one) * dtype.itemsize)
        return np.frombuffer(rest, dtype).reshape(one)


def _fault(expected: Arrays, spreads: Arrays, noise: Mapping[Proven, Arrays]) -> str | None:
    """What is wrong with the spreads and the noise, or None."""
    for name, array in spreads.items():
        if name not in expected:
            return f"The holdout has a spread of {name!r}, but no such output"
        if array.ndim != 1 or array.dtype != np.float64 or not array.size:
            return f"The spread of {name!r} in the holdout is not one float64 for each channel"
        if not (np.isfinite(array) & (array > 0)).all():
            return f"The spread of {name!r} in the holdout has values that are not above 0"
    for (variant, engine), arrays in noise.items():
        for name, array in arrays.items():
            about = f"The noise of {name!r} by {variant!r} on {engine!r} in the holdout"
            if name not in spreads:
                return f"{about} has no spread to be a share of"
            if array.shape != (2, len(spreads[name])) or array.dtype != np.float16:
                return f"{about} is not two float16 for each channel"
            if not (np.isfinite(array) & (array >= 0)).all():
                return f"{about} has values that are not at least 0"
    return None


def _under(prefix: str, arrays: Arrays) -> dict[str, npt.NDArray[Any]]:
    return {key[len(prefix) :]: a for key, a in arrays.items() if key.startswith(prefix)}
