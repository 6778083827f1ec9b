"""Which tensor of a converted file is which of the contract: by name or by value.

Never by shape or order: exporters permute outputs of one shape without a word.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, permutations
from typing import Any

import numpy as np

from edgeml.errors import ConversionError
from edgeml.parity import Tolerance, compare
from edgeml_converters.formats.tensors import Array, FileTensor, Names

_CANDIDATES_MAX = 24  # orders of four inputs that look alike


def input_candidates(wanted: Mapping[str, Array], found: Sequence[FileTensor]) -> list[Names]:
    """The pairing by name, or else every one that dtypes and shapes allow, to be tried by value.

    Raises ConversionError when there is none.
    """
    if set(wanted) == {tensor.name for tensor in found}:
        return [{name: name for name in wanted}]
    fitting = (
        {name: tensor.name for name, tensor in zip(wanted, order, strict=True)}
        for order in (permutations(found) if len(found) == len(wanted) else ())
        if all(_fits(wanted[n], t) for n, t in zip(wanted, order, strict=True))
    )
    candidates = list(islice(fitting, _CANDIDATES_MAX))
    if not candidates:
        raise ConversionError(
            f"the converted file takes {_listed(t.name for t in found)} where the model takes "
            f"{_listed(wanted)}"
        )
    return candidates


def _fits(array: Array, tensor: FileTensor) -> bool:
    return (
        array.dtype.name == tensor.dtype
        and array.ndim == len(tensor.shape)
        and all(
            size in (-1, length)
            for size, length in zip(tensor.shape[1:], array.shape[1:], strict=True)
        )
    )


def pair_outputs(
    found: Mapping[str, Array], expected: Mapping[str, Array], tolerance: Tolerance
) -> Names:
    """Each output expected -> the one found that says the same.

    Equal names are kept where their values agree; where they do not, or names differ, values
    decide. Without any agreement the nearest are paired, so that the figures can be seen. Raises
    ConversionError when the counts differ or when values cannot tell unnamed outputs apart.
    """
    if len(found) != len(expected):
        raise ConversionError(
            f"the converted file gives {_listed(found)} where the model gives {_listed(expected)}"
        )
    agreeing = {
        name: [
            theirs
            for theirs, array in found.items()
            if compare(name, array, value, tolerance).passed
        ]
        for name, value in expected.items()
    }
    named = found.keys() == expected.keys()
    if named and all(name in theirs for name, theirs in agreeing.items()):
        return {name: name for name in expected}
    pairings = list(islice(_matchings(agreeing), 2))
    if len(pairings) == 1:
        return pairings[0]
    if named:
        return {name: name for name in expected}
    if pairings:
        raise ConversionError(
            f"the outputs {_listed(expected)} cannot be told apart in this data; return them as a "
            "dict, so that they have names, or give more varied data"
        )
    return _nearest(found, expected)


def _matchings(choices: Mapping[str, Sequence[str]]) -> Iterator[Names]:
    """Every way to give each name one of its choices, no choice twice."""
    if not choices:
        yield {}
        return
    name, *rest = sorted(choices, key=lambda key: len(choices[key]))
    for theirs in choices[name]:
        left = {key: [c for c in choices[key] if c != theirs] for key in rest}
        for others in _matchings(left):
            yield {name: theirs, **others}


def _nearest(found: Mapping[str, Array], expected: Mapping[str, Array]) -> Names:
    """Closest pairs first; another shape is farther away than any value."""
    distances = sorted(
        (_distance(found[theirs], value), name, theirs)
        for name, value in expected.items()
        for theirs in found
    )
    pairs: Names = {}
    for _, name, theirs in distances:
        if name not in pairs and theirs not in pairs.values():
            pairs[name] = theirs
    return {name: pairs[name] for name in expected}


def _distance(found: Array, expected: Array) -> tuple[bool, float]:
    if found.shape != expected.shape:
        return True, 0.0
    difference = np.abs(found.astype(np.float64) - expected.astype(np.float64)).max(initial=0.0)
    return False, float(np.nan_to_num(difference, nan=np.inf, posinf=np.inf))


def _listed(names: Any) -> str:
    return ", ".join(repr(name) for name in names) or "nothing"
