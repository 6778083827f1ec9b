"""Data where there is none yet: seeded numbers, so that two runs see the same."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from edgeml import documents
from edgeml.contract import Contract, Tensor, shape_text
from edgeml.errors import InputError
from edgeml_converters.formats.npz import save
from edgeml_converters.formats.tensors import Array, Floats, Range, Shape, Shapes
from edgeml_runtime.engines.base import TensorSpec

SAMPLES = 192
_SEED = 0
_FREE_SIZE = 8  # of an axis that is not the sample's and whose size the contract leaves open


def write_samples(contract: Path, into: Path) -> Path:
    """An .npz for `--data` with the inputs of contract.json; returns `into`.

    Such inputs show that a file computes the same as the model, not how good it is on real data:
    int8 by ranges that were never measured means little. Raises InputError when the file is no
    contract.
    """
    try:
        data = contract.read_bytes()
    except OSError as error:
        raise InputError(
            f"The contract {contract} cannot be read: {error.strerror}; name another."
        ) from error
    decoded = documents.decode(data, Contract, str(contract), InputError)
    random = np.random.default_rng(_SEED)
    save(into, {tensor.name: _samples(tensor, random) for tensor in decoded.inputs})
    return into


def _samples(tensor: Tensor, random: np.random.Generator) -> Array:
    sizes = [_FREE_SIZE if isinstance(size, str) else size for size in tensor.shape[1:]]
    return _draw(random, (SAMPLES, *sizes), tensor.dtype, tensor.range or (-1.0, 1.0))


def random_inputs(
    specs: Sequence[TensorSpec],
    batch: int,
    ranges: Mapping[str, Range],
    shapes: Shapes,
) -> dict[str, Array]:
    """An array for each input: uniform over its range, or over 0 to 1 where none is known.

    Integers without a range are 0 or 1, which any table of embeddings holds. Raises InputError for
    a free size other than the first that `shapes` does not give, and for a shape that does not fit.
    """
    unknown = shapes.keys() - {spec.name for spec in specs}
    if unknown:
        raise InputError(
            f"The model has no input {sorted(unknown)[0]!r}; its inputs are "
            f"{', '.join(repr(spec.name) for spec in specs)}."
        )
    random = np.random.default_rng(_SEED)
    return {
        spec.name: _draw(
            random,
            _shape(spec, batch, shapes.get(spec.name)),
            spec.dtype,
            ranges.get(spec.name, (0.0, 1.0)),
        )
        for spec in specs
    }


def _shape(spec: TensorSpec, batch: int, given: Shape | None) -> Shape:
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


def _draw(random: np.random.Generator, shape: Shape, dtype: str, bounds: Range) -> Array:
    """Uniform within the bounds, integers rounded to the nearest."""
    low, high = bounds
    values: Floats = random.uniform(low, high, shape)
    match np.dtype(dtype).kind:
        case "b":
            return values > (low + high) / 2
        case "i" | "u":
            return np.rint(values).astype(dtype)
        case _:
            return values.astype(dtype)
