"""Which tensor of a converted file is which of the contract: by name or by value.

Never by shape or order: exporters permute outputs of one shape without a word.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from edgeml.errors import ConversionError
from edgeml.integers import are_integers
from edgeml.parity.units import bounded, common_unit
from edgeml_converters.formats.tensors import Array, Arrays, Floats, ModelInput, Names

_CANDIDATES_MAX = 24  # orders of four inputs that look alike
_SAMPLES, _FEWEST, _VALUES = 64, 8, 1_000_000
_NEAR = 0.1  # 10 dB: what is farther is another output, or nothing that a figure can save
_FAR = 1e12


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
    """Whether dtype and sizes, but for the first size, are as declared; None fits anything, and
    so do integers of another width, and floats where integers stand for them."""
    floats = declared.quantisation is not None and array.dtype.kind == "f"
    known = floats or declared.dtype in (None, array.dtype.name)
    if not known and not are_integers(array.dtype.name, declared.dtype or ""):
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


def pair_outputs(answers: Arrays, expected: Arrays) -> Names:
    """The model's name of each output -> the file's.

    Equal names stay paired unless other pairs are near where theirs are not. Other names are paired
    so that the distances of all outputs together are the least (scipy's linear_sum_assignment),
    also where nothing is near, so that figures can be shown. Raises ConversionError when the counts
    differ, or when names differ and values cannot tell two outputs apart.
    """
    if len(answers) != len(expected):
        raise ConversionError(
            f"the converted file gives {listed(answers)} where the model gives {listed(expected)}"
        )
    by_name = {name: name for name in expected} if answers.keys() == expected.keys() else None
    if by_name is not None and agree(answers, expected, by_name):
        return by_name
    ours, theirs = list(expected), list(answers)
    distances = np.array([[distance(answers[b], expected[a]) for b in theirs] for a in ours])
    order = _assigned(distances)
    pairs = {name: theirs[order[row]] for row, name in enumerate(ours)}
    if by_name is not None:
        moved = [row for row, name in enumerate(ours) if pairs[name] != name]
        near = all(distances[row, order[row]] <= _NEAR for row in moved)
        return pairs if near and _clear(distances, order) else by_name
    if not _clear(distances, order) and all(distances[range(len(ours)), order] <= _NEAR):
        raise ConversionError(
            f"the outputs {listed(expected)} cannot be told apart in this data; return them as a "
            "dict, so that they have names, or give more varied data"
        )
    return pairs


def agree(answers: Arrays, expected: Arrays, names: Names) -> bool:
    """Whether every output is near the one that `names` pairs it with."""
    return all(distance(answers[names[name]], expected[name]) <= _NEAR for name in expected)


def distance(answered: Array, expected: Array) -> float:
    """sum (v - r)^2 / sum (r - mean r)^2, the mean over the samples; of integers the share that is
    unequal. _FAR where shapes or kinds differ, or other values are not finite. At most 64 samples,
    evenly over all, are looked at, and of large ones as few as eight."""
    if answered.shape != expected.shape or not expected.size:
        return 0.0 if answered.shape == expected.shape else _FAR
    samples = min(_SAMPLES, max(_FEWEST, _VALUES * len(expected) // expected.size))
    rows = np.unique(np.linspace(0, len(expected) - 1, samples).astype(int))
    v, r = answered[rows], expected[rows]
    if r.dtype.kind in "iub":
        return float((v != r).mean())
    v, r = v.astype(np.float64), r.astype(np.float64)
    counts = np.isfinite(r)
    if (np.isfinite(v) != counts).any():
        return _FAR
    unit = common_unit(r)
    v, r = (bounded(np.where(counts, of, 0.0), unit) for of in (v, r))
    noise = float(((v - r) ** 2).sum())
    spread = float(((r - r.mean(axis=0)) ** 2).sum()) or float((r**2).sum())
    return 0.0 if noise == 0.0 else min(_FAR, noise / spread if spread else _FAR)


def _assigned(distances: Floats) -> npt.NDArray[np.intp]:
    order: npt.NDArray[np.intp] = linear_sum_assignment(distances)[1]
    return order


def _clear(distances: Floats, order: npt.NDArray[np.intp]) -> bool:
    """Whether every other assignment is at least twice as far, where it is another."""
    rows = np.arange(len(order))
    for row in rows:
        without = distances.copy()
        without[row, order[row]] = 2 * _FAR * len(order)
        other = _assigned(without)
        if other[row] == order[row]:
            continue  # the only one there is
        moved = rows[other != order]
        if distances[moved, other[moved]].sum() <= 2 * distances[moved, order[moved]].sum():
            return False
    return True


def listed(names: Any) -> str:
    return ", ".join(repr(name) for name in names) or "nothing"
