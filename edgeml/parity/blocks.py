"""Outputs of any size, a few samples at a time."""

from collections.abc import Callable

import numpy as np

from edgeml.parity.figures import Array

_BYTES = 1 << 22  # worked on at a time, as float64


def chunks(array: Array) -> list[slice]:
    """All samples of [samples, ...], a few at a time."""
    each = max(1, _BYTES // max(1, array[:1].size * 8))
    return [slice(first, first + each) for first in range(0, len(array), each)]


def by_blocks(part: Callable[..., tuple[Array, ...]], *arrays: Array) -> tuple[Array, ...]:
    """What `part` gives of a few samples of each array, [few, positions, channels], for all.

    arrays: [samples, ..., channels], which may be views. part: gives arrays with the few first.
    """
    parts = [part(*(flat(array[rows]) for array in arrays)) for rows in chunks(arrays[0])]
    return tuple(np.concatenate(of) for of in zip(*parts, strict=True))


def flat(array: Array) -> Array:
    """[samples, ..., channels] as [samples, positions, channels]."""
    return array.reshape(len(array), -1, array.shape[-1])
