"""Integers of another width: TFLite files take int32 where PyTorch's models take int64."""

from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.errors import ContractError

_KINDS = "iu"


def are_integers(*dtypes: str) -> bool:
    """Whether all are dtypes of numbers that `as_taken` can turn into one another."""
    try:
        return all(np.dtype(dtype).kind in _KINDS for dtype in dtypes)
    except TypeError:  # an engine's own name for what numpy has no dtype of
        return False


def as_taken(name: str, array: npt.NDArray[Any], dtype: str) -> npt.NDArray[Any]:
    """The array as what takes `dtype` takes it: integers in that width, others as they are.

    Raises ContractError for an integer that does not fit.
    """
    if array.dtype.name == dtype or not are_integers(array.dtype.name, dtype):
        return array
    limits = np.iinfo(dtype)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        beyond = array.max() if array.max() > limits.max else array.min()
        raise ContractError(
            f"{name!r} holds {beyond}, but the file takes {dtype}, which ends at "
            f"{limits.min if beyond < 0 else limits.max}; send smaller numbers or use another "
            "variant."
        )
    return array.astype(dtype, copy=False)
