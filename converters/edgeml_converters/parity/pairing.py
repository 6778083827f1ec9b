"""Which tensor of a converted file is which of the contract: by name or by value.

Never by shape or order: exporters permute outputs of one shape without a word.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from edgeml.errors import ConversionError
from edgeml.parity import Tolerance, compare
from edgeml_converters.formats.tensors import Array, Arrays, ModelInput, Names

_CANDIDATES_MAX = 24  # orders of four inputs that look alike


def pair_inputs(arrays: Arrays, wanted: Sequence[ModelInput]) -> list[Names]:
    """Array -> input: by name, or else the first pairings of those that dtypes and shapes allow, to
    be tried by value; empty where there is none."""
    required = {model_input.name: model_input for model_input in wanted if model_input.required}
    by_name = {model_input.name: model_input for model_input in wanted}
    if required.keys() <= arrays.keys() <= by_name.keys():
        if all(fits(array, by_name[name]) for name, array in arrays.items()):
            return [{name: name for name in arrays}]
    if len(required) != len(arrays):
        return []
    choices = {
        key: [name for name, model_input in required.items() if fits(array, model_input)]
        for key, array in arrays.items()
    }
    return list(islice(matchings(choices), _CANDIDATES_MAX))


def fits(array: Array, wanted: ModelInput) -> bool:
    """The dtype and every size but the first, as far as they are declared."""
    if wanted.dtype not in (None, array.dtype.name):
        return False
    return wanted.shape is None or (
        array.ndim == len(wanted.shape)
        and all(
            size in (None, length)
            for size, length in zip(wanted.shape[1:], array.shape[1:], strict=True)
        )
    )


def matchings(choices: Mapping[str, Sequence[str]]) -> Iterator[Names]:
    """Every way to give each name one of its choices, no choice twice, in the choices' order.

    A choice that leaves the others without a way is not followed: the next way comes at once.
    """
    if not choices:
        yield {}
        return
    (name, mine), *others = choices.items()
    for choice in mine:
        left = {key: [c for c in theirs if c != choice] for key, theirs in others}
        if _has_matching(left):
            for rest in matchings(left):
                yield {name: choice, **rest}


def _has_matching(choices: Mapping[str, Sequence[str]]) -> bool:
    """Whether there is a way at all, by augmenting paths (Kuhn 1955)."""
    taken: dict[str, str] = {}

    def give(name: str, tried: set[str]) -> bool:
        for choice in choices[name]:
            if choice not in tried:
                tried.add(choice)
                if choice not in taken or give(taken[choice], tried):
                    taken[choice] = name
                    return True
        return False

    return all(give(name, set()) for name in choices)


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
            f"the converted file gives {listed(found)} where the model gives {listed(expected)}"
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
    pairings = list(islice(matchings(agreeing), 2))
    if len(pairings) == 1:
        return pairings[0]
    if named:
        return {name: name for name in expected}
    if pairings:
        raise ConversionError(
            f"the outputs {listed(expected)} cannot be told apart in this data; return them as a "
            "dict, so that they have names, or give more varied data"
        )
    return _nearest(found, expected)


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


def listed(names: Any) -> str:
    return ", ".join(repr(name) for name in names) or "nothing"
