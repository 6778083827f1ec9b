"""The contract that data and answers show: names, dtypes, shapes and ranges."""

from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from edgeml.contract import Contract, Tensor

Arrays = Mapping[str, npt.NDArray[Any]]


def contract_from(inputs: Arrays, outputs: Arrays) -> Contract:
    """The first axis of every tensor is `batch`; the other sizes are those of the data."""
    return Contract(
        inputs=tuple(_tensor(name, array) for name, array in inputs.items()),
        outputs=tuple(_tensor(name, array) for name, array in outputs.items()),
    )


def _tensor(name: str, array: npt.NDArray[Any]) -> Tensor:
    return Tensor(
        name=name,
        dtype=array.dtype.name,
        shape=("batch", *array.shape[1:]),
        range=(float(array.min()), float(array.max())),
    )
