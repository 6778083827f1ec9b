"""Random inputs for a model that comes without data: seeded, so that two runs see the same."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.contract import shape_text
from edgeml.errors import InputError
from edgeml_runtime.engines.base import TensorSpec

_SEED = 0


def random_inputs(
    specs: Sequence[TensorSpec],
    batch: int,
    ranges: Mapping[str, tuple[float, float]],
    shapes: Mapping[str, tuple[int, ...]],
) -> dict[str, npt.NDArray[Any]]:
    """An array for each input: uniform over its range, or over 0 to 1 where none is known.

    Integers without a range are 0 or 1, which any table of embeddings holds. Raises InputError for
    a free size other than the first that `shapes` does not give, and for a shape that does not fit.
    """
    strange = shapes.keys() - {spec.name for spec in specs}
    if strange:
        raise InputError(
            f"The model has no input {sorted(strange)[0]!r}; its inputs are "
            f"{', '.join(repr(spec.name) for spec in specs)}."
        )
    rng = np.random.default_rng(_SEED)
    found: dict[str, npt.NDArray[Any]] = {}
    for spec in specs:
        shape = _shape(spec, batch, shapes.get(spec.name))
        low, high = ranges.get(spec.name, (0.0, 1.0))
        dtype = np.dtype(spec.dtype)
        if dtype.kind == "f":
            found[spec.name] = rng.uniform(low, high, shape).astype(dtype)
        else:
            found[spec.name] = rng.integers(int(low), int(high), shape, endpoint=True).astype(dtype)
    return found


def _shape(spec: TensorSpec, batch: int, given: tuple[int, ...] | None) -> tuple[int, ...]:
    if given is not None:
        fits = len(given) == len(spec.shape) and all(
            size in (-1, length) or axis == 0
            for axis, (size, length) in enumerate(zip(spec.shape, given, strict=True))
        )
        if not fits:
            raise InputError(
                f"The input {spec.name!r} has shape {_free(spec)}, which {shape_text(given)} does "
                "not fit; give all its sizes with --shape."
            )
        return given
    if -1 in spec.shape[1:]:
        raise InputError(
            f"The input {spec.name!r} has shape {_free(spec)}; choose its free sizes with "
            f"--shape '{spec.name}={','.join(str(abs(size)) for size in spec.shape)}'."
        )
    if not spec.shape:
        return ()
    first = spec.shape[0] if spec.shape[0] > 1 else batch  # the sample axis is free or 1
    return (first, *spec.shape[1:])


def _free(spec: TensorSpec) -> str:
    return shape_text(tuple("?" if size == -1 else size for size in spec.shape))
