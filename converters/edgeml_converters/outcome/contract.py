"""The contract read off the data and the model's answers: names, dtypes, shapes and ranges."""

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from edgeml.contract import Contract, Layout, Tensor
from edgeml.parity.blocks import chunks
from edgeml.parity.roles import Role
from edgeml_converters.formats.tensors import Arrays, FileTensor, Integers

Free = Mapping[str, Mapping[int, str]]


def contract_from(
    inputs: Arrays,
    outputs: Arrays,
    layout: Layout | None = None,
    roles: Mapping[str, tuple[Role, ...]] | None = None,
    free: Free | None = None,
) -> Contract:
    """The first axis of every tensor is `batch`; the other sizes are those of the data.

    layout: of the images among them, which are the tensors of four axes. roles: of the outputs.
    free: tensor -> axis -> the name of a size that a request decides.
    """
    free = free or {}
    return Contract(
        inputs=tuple(
            _tensor(name, array, layout, free.get(name, {})) for name, array in inputs.items()
        ),
        outputs=tuple(
            _tensor(name, array, layout, free.get(name, {}), (roles or {}).get(name, ()))
            for name, array in outputs.items()
        ),
    )


def with_integers(contract: Contract, integers: Integers) -> Contract:
    """The contract of a file that takes and gives integers for floats."""
    return msgspec.structs.replace(
        contract,
        inputs=tuple(_as_stored(t, integers.inputs.get(t.name)) for t in contract.inputs),
        outputs=tuple(_as_stored(t, integers.outputs.get(t.name)) for t in contract.outputs),
    )


def _as_stored(tensor: Tensor, stored: FileTensor | None) -> Tensor:
    if stored is None or stored.quantisation is None:
        return tensor
    bounds = None
    if tensor.range is not None:
        low, high = stored.quantisation.integers(np.array(tensor.range), stored.dtype)
        bounds = float(low), float(high)
    return msgspec.structs.replace(
        tensor, dtype=stored.dtype, range=bounds, nan="refuse", quantisation=stored.quantisation
    )


def _tensor(
    name: str,
    array: npt.NDArray[Any],
    layout: Layout | None,
    free: Mapping[int, str],
    roles: tuple[Role, ...] = (),
) -> Tensor:
    sizes = enumerate(array.shape[1:], 1)
    low, high, finite = _range(array)
    return Tensor(
        name=name,
        dtype=array.dtype.name,
        shape=("batch", *(free.get(axis, size) for axis, size in sizes)),
        range=(low, high) if low <= high else None,
        nan="refuse" if finite else "allow",
        layout=layout if array.ndim == 4 else None,
        roles=roles,
    )


def _range(array: npt.NDArray[Any]) -> tuple[float, float, bool]:
    """The least and the largest finite number, the former larger where there is none, and whether
    all are finite; read piece by piece."""
    low, high, finite = float("inf"), float("-inf"), True
    for rows in chunks(array):
        part = array[rows]
        known = np.isfinite(part)
        finite &= bool(known.all())
        numbers = part if known.all() else part[known]
        if numbers.size:
            low, high = min(low, float(numbers.min())), max(high, float(numbers.max()))
    return low, high, finite
