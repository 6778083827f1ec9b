"""Data out of a contract, where there is none yet: seeded numbers within the ranges it states."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgeml import documents
from edgeml.contract import Contract, Tensor
from edgeml.errors import InputError
from edgeml_converters.formats.npz import save
from edgeml_converters.formats.tensors import Array

SAMPLES = 64
_FREE_SIZE = 8  # of an axis that is not the sample's and whose size the contract leaves open


def write_samples(contract: Path, into: Path) -> Path:
    """An .npz for `--data` with the inputs of contract.json; returns `into`.

    They show that a file computes the same, not what it is worth on real data: rounding to int8 by
    ranges that nobody measured means little. Raises InputError when the file is no contract.
    """
    try:
        data = contract.read_bytes()
    except OSError as error:
        raise InputError(
            f"The contract {contract} cannot be read: {error.strerror}; name another."
        ) from error
    found = documents.decode(data, Contract, str(contract), InputError)
    random = np.random.default_rng(0)
    save(into, {tensor.name: _samples(tensor, random) for tensor in found.inputs})
    return into


def _samples(tensor: Tensor, random: np.random.Generator) -> Array:
    sizes = [_FREE_SIZE if isinstance(size, str) else size for size in tensor.shape[1:]]
    shape = (SAMPLES, *sizes)
    dtype = np.dtype(tensor.dtype)
    low, high = tensor.range or (-1.0, 1.0)
    made: npt.NDArray[np.float64] = random.uniform(low, high, shape)
    if dtype.kind == "b":
        return made > (low + high) / 2
    return np.rint(made).astype(dtype) if dtype.kind in "iu" else made.astype(dtype)
