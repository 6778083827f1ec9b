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


def pair_inputs(arrays: Arrays, declared: Sequence[ModelInput]) -> list[Names]:
    """Pairings array -> input to try, the likeliest first; empty where none fits.

    One by name where the names fit, else at most 24 that dtypes and shapes allow.
    """
    required = {model_input.name: model_input for model_input in declared if model_input.required}
    by_name = {model_input.name: model_input for model_input in declared}
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


def fits(array: Array, declared: ModelInput) -> bool:
    """Whether dtype and sizes, but for the first size, are as declared; None fits anything."""
    if declared.dtype not in (None, array.dtype.name):
        return False
    return declared.shape is None or (
        array.ndim == len(declared.shape)
        and all(
            size in (None, length)
            for size, length in zip(declared.shape[1:], array.shape[1:], strict=True)
        )
    )


def matchings(choices: Mapping[str, Sequence[str]]) -> Iterator[Names]:
    """Every way to give each name one of its choices, no choice twice, in the choices' order.

    A choice that leaves the other names without a way is skipped, so that no time is lost on it.
    """
    if not choices:
        yield {}
        return
    (name, its_choices), *others = choices.items()
    for choice in its_choices:
        remaining = {key: [c for c in theirs if c != choice] for key, theirs in others}
        if _has_matching(remaining):
            for rest in matchings(remaining):
                yield {name: choice, **rest}


def _has_matching(choices: Mapping[str, Sequence[str]]) -> bool:
    """Whether `matchings` has any way, by augmenting paths (Kuhn 1955)."""
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
    answers: Mapping[str, Array], expected: Mapping[str, Array], tolerance: Tolerance
) -> Names:
    """The model's name of each output -> the file's.

    Equal names are paired where their values agree; where they do not, or names differ, values
    decide. Where nothing agrees the nearest values are paired, so that their figures can be shown.
    Raises ConversionError when the counts differ, or when names differ and values cannot tell two
    outputs apart.
    """
    if len(answers) != len(expected):
        raise ConversionError(
            f"the converted file gives {listed(answers)} where the model gives {listed(expected)}"
        )
    agreeing = {
        name: [
            theirs
            for theirs, answered in answers.items()
            if compare(name, answered, value, tolerance).passed
        ]
        for name, value in expected.items()
    }
    same_names = answers.keys() == expected.keys()
    if same_names and all(name in theirs for name, theirs in agreeing.items()):
        return {name: name for name in expected}
    pairings = list(islice(matchings(agreeing), 2))
    if len(pairings) == 1:
        return pairings[0]
    if same_names:
        return {name: name for name in expected}
    if pairings:
        raise ConversionError(
            f"the outputs {listed(expected)} cannot be told apart in this data; return them as a "
            "dict, so that they have names, or give more varied data"
        )
    return _nearest(answers, expected)


def _nearest(answers: Mapping[str, Array], expected: Mapping[str, Array]) -> Names:
    """Pairs the closest outputs first; another shape is farther away than any value."""
    distances = sorted(
        (_distance(answers[theirs], value), name, theirs)
        for name, value in expected.items()
        for theirs in answers
    )
    pairs: Names = {}
    for _, name, theirs in distances:
        if name not in pairs and theirs not in pairs.values():
            pairs[name] = theirs
    return {name: pairs[name] for name in expected}


def _distance(answered: Array, expected: Array) -> tuple[bool, float]:
    if answered.shape != expected.shape:
        return True, 0.0
    difference = np.abs(answered.astype(np.float64) - expected.astype(np.float64)).max(initial=0.0)
    return False, float(np.nan_to_num(difference, nan=np.inf, posinf=np.inf))


def listed(names: Any) -> str:
    return ", ".join(repr(name) for name in names) or "nothing"
