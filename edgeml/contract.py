"""The contract: what a model takes and gives, checked in microseconds before each prediction."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from edgeml.documents import SCHEMA, Strict
from edgeml.errors import ContractError
from edgeml.parity.roles import Role
from edgeml.quantisation import Quantisation

Tensors = Mapping[str, npt.NDArray[Any]]
Layout = Literal["nchw", "nhwc"]
Dimension = int | str  # a size, or the name of a size that the request decides


class Tensor(Strict, frozen=True, kw_only=True):
    """One input or output.

    name: what callers call it, whatever an engine's file calls it.
    dtype: numpy's name, for example float32.
    shape: sizes; a string is symbolic, and one name means one size over the whole request.
    range: lowest and highest value in the data that the model was converted with, for people and
        for monitoring; a request outside of it is served.
    nan: whether NaN and infinity are refused in an input.
    layout: where the channels of an image stand; null where it is no image or not known.
    roles: what an output means, each role for a range of its channels; empty for an input.
    quantisation: what the integers of this tensor stand for; null where they are meant themselves,
        and for floats. `range` is in integers too.
    """

    name: str
    dtype: str
    shape: tuple[Dimension, ...]
    range: tuple[float, float] | None = None
    nan: Literal["refuse", "allow"] = "refuse"
    layout: Layout | None = None
    roles: tuple[Role, ...] = ()
    quantisation: Quantisation | None = None


class Contract(Strict, frozen=True, kw_only=True):
    """What a model takes and gives; the same for every variant and every engine of a package.

    inputs, outputs: in the order of the model's own call; callers go by name.
    """

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    schema: int = SCHEMA

    def check_inputs(self, tensors: Tensors) -> None:
        """Raises ContractError naming the tensor, what was expected and what was found.

        dtype and rank first, then sizes, then NaN and infinity.
        """
        _check(self.inputs, tensors, "input")

    def check_outputs(self, tensors: Tensors) -> None:
        """The same for what a model returned; a NaN or infinity means a broken model."""
        _check(self.outputs, tensors, "output")

    def check_expected(self, tensors: Tensors) -> None:
        """The same for a framework's own answers, which are the numbers that integers stand for."""
        _check(tuple(map(_in_reals, self.outputs)), tensors, "output")


def as_reals(tensors: tuple[Tensor, ...], arrays: Tensors) -> dict[str, npt.NDArray[Any]]:
    """Arrays by name, integers as the numbers that they stand for."""
    scaled = {t.name: t.quantisation for t in tensors if t.quantisation is not None}
    return {n: scaled[n].reals(a) if n in scaled else a for n, a in arrays.items()}


def as_taken(tensors: tuple[Tensor, ...], arrays: Tensors) -> dict[str, npt.NDArray[Any]]:
    """Arrays by name, floats as the integers that stand for them where those are what is taken."""
    taken: dict[str, npt.NDArray[Any]] = dict(arrays)
    for tensor in tensors:
        if tensor.quantisation is not None and tensor.name in taken:
            taken[tensor.name] = tensor.quantisation.as_taken(taken[tensor.name], tensor.dtype)
    return taken


def _in_reals(tensor: Tensor) -> Tensor:
    if tensor.quantisation is None:
        return tensor
    return msgspec.structs.replace(tensor, dtype="float32", range=None, quantisation=None)


def _check(expected: tuple[Tensor, ...], found: Tensors, role: str) -> None:
    if len(found) != len(expected) or any(t.name not in found for t in expected):
        raise ContractError(
            f"The {role}s expected are {_listed(t.name for t in expected)}, "
            f"but {_listed(found)} were found; send exactly these names."
        )
    sizes: dict[str, int] = {}
    for tensor in expected:
        _check_tensor(tensor, found[tensor.name], role, sizes)


def _check_tensor(
    tensor: Tensor, value: npt.NDArray[Any], role: str, sizes: dict[str, int]
) -> None:
    if value.dtype.name != tensor.dtype:
        raise ContractError(
            f"The {role} {tensor.name!r} must be {tensor.dtype}, but is {value.dtype.name}; "
            f"{_how_to_cast(tensor, value)}."
        )
    if not value.dtype.isnative:
        raise ContractError(
            f"The {role} {tensor.name!r} must be in this machine's byte order, but is in the other "
            "one; convert it by astype."
        )
    matches = value.ndim == len(tensor.shape) and all(
        size == (sizes.setdefault(expected, size) if isinstance(expected, str) else expected)
        for expected, size in zip(tensor.shape, value.shape, strict=True)
    )
    if not matches or value.size == 0:
        raise ContractError(
            f"The {role} {tensor.name!r} must have shape {shape_text(tensor.shape)}, "
            f"but has {shape_text(value.shape)}; reshape it."
        )
    # A sum is finite only if every member is; a sum that overflowed falls to the full test.
    if tensor.nan == "refuse" and value.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            total = value.sum()
        if not np.isfinite(total) and not np.isfinite(value).all():
            raise ContractError(
                f"The {role} {tensor.name!r} must be finite, but holds NaN or infinity; clean it."
            )


def _how_to_cast(tensor: Tensor, value: npt.NDArray[Any]) -> str:
    found = tensor.quantisation
    if found is None or value.dtype.kind != "f":
        return "cast it"
    return (
        f"round it to steps of its scale {found.scale:g} and add its zero point {found.zero_point}"
    )


def difference(live: Contract, offered: Contract) -> str | None:
    """Why `offered` cannot replace `live` for its callers, or None when it can.

    Names, dtypes, shapes and what integers stand for must agree, the names of symbolic sizes aside:
    one request must satisfy both models, before a swap and after a rollback.
    """
    for role in ("inputs", "outputs"):
        ours: dict[str, Tensor] = {t.name: t for t in getattr(live, role)}
        theirs: dict[str, Tensor] = {t.name: t for t in getattr(offered, role)}
        if ours.keys() != theirs.keys():
            return f"its {role} are {_listed(theirs)} and not {_listed(ours)}"
        sizes: tuple[dict[str, int], dict[str, int]] = {}, {}
        for name, tensor in sorted(ours.items()):
            other = theirs[name]
            if tensor.dtype != other.dtype:
                return f"{name!r} is {other.dtype} and not {tensor.dtype}"
            if _anonymous(tensor.shape, sizes[0]) != _anonymous(other.shape, sizes[1]):
                return (
                    f"{name!r} has shape {shape_text(other.shape)}, not {shape_text(tensor.shape)}"
                )
            if other.nan != tensor.nan:
                return f"{name!r} would {other.nan} NaN and not {tensor.nan} it"
            if other.quantisation != tensor.quantisation:
                return (
                    f"the integers of {name!r} stand for {stands_for(other)} and not for "
                    f"{stands_for(tensor)}"
                )
    return None


def _anonymous(shape: tuple[Dimension, ...], order: dict[str, int]) -> tuple[int, ...]:
    """Symbols by their order of appearance in one request, as negative numbers."""
    return tuple(order.setdefault(d, -1 - len(order)) if isinstance(d, str) else d for d in shape)


def stands_for(tensor: Tensor) -> str:
    """What integers of a tensor mean, in words."""
    found = tensor.quantisation
    if found is None:
        return "themselves"
    if not found.zero_point:
        return f"{found.scale:.3g} * q"
    return f"{found.scale:.3g} * (q {'+' if found.zero_point < 0 else '-'} {abs(found.zero_point)})"


def shape_text(shape: tuple[Dimension, ...]) -> str:
    return "[" + ", ".join(str(d) for d in shape) + "]"


def _listed(tensors: Any) -> str:
    return ", ".join(repr(name) for name in tensors) or "none"
