"""Invariants of any model, checked by calling its engine a few times more."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from edgeml.errors import EdgemlError
from edgeml.evidence import Invariant
from edgeml.parity import Array
from edgeml_converters.evidence.arrays import bounded, common_unit, in_unit, magnitude
from edgeml_converters.formats.tensors import Arrays

SAMPLES = 32
# What files are chosen by: each is asked, and the one that is chosen is asked with more.
FEW_SAMPLES = 4
# A file of batch 1 runs once for each sample, which is most of the time that a large one takes to
# prove; the reverse order asks all samples again anyway.
_REPEATED = 4
# Of the output's largest magnitude: 256 roundings of float32, as sums in another order have.
ROUNDING = 256 * 2.0**-23

Run = Callable[[dict[str, Array]], Mapping[str, Array]]
CalledInvariant = Literal["repeat", "shuffle", "batch", "resize"]


def invariants(
    run: Run,
    inputs: Arrays,
    answers: Arrays,
    expected: Arrays,
    frozen_batch: int | None = None,
    limits: Mapping[str, float] | None = None,
    most: int = SAMPLES,
) -> tuple[Invariant, ...]:
    """The six invariants below, by at most 7 calls of `run` with at most `most` samples each.

    - repeat: the same samples again give the same answers;
    - shuffle: the samples in reverse order give the same answers, each its own;
    - batch: the first and the last sample alone are answered as among the others;
    - resize: half of the samples, then all again, are answered as before;
    - finite: no answer is NaN or infinite where the model's is not;
    - constant: an output is not the same for every sample where the model's own varies.

    run: inputs -> outputs by name, first axis the sample; one engine that stays open.
    answers: its answers to all of `inputs`; expected: the model's.
    frozen_batch: the batch size that the file is frozen to; it is called with no other then.
    limits: by output, the largest difference that batch and resize allow; above rounding it passes
    with a message. Dynamic int8 in ONNX takes one scale from the whole batch, so that another batch
    size changes an output by 0.3 to 1.7 % of its magnitude. Elsewhere, in quantised models too,
    ROUNDING times the magnitude is allowed.
    An invariant that needs another batch than the file allows, or two samples where there is one,
    is left out. An EdgemlError of `run` fails the invariant that called it; that of the first
    call of all is passed on.
    """
    samples = _samples(inputs, frozen_batch, most)
    chosen = _rows(inputs, slice(samples))
    first_answers = run(chosen)
    rounding = {name: ROUNDING * magnitude(array) for name, array in first_answers.items()}
    again = slice(_REPEATED if frozen_batch == 1 else samples)
    calls: dict[CalledInvariant, list[_Call]] = {
        "repeat": [
            _Call(
                "when called again with the same samples",
                _rows(chosen, again),
                _rows(first_answers, again),
            )
        ]
    }
    if samples > 1:
        reverse = slice(None, None, -1)
        calls["shuffle"] = [
            _Call(
                "when the same samples come in reverse order",
                _rows(chosen, reverse),
                _rows(first_answers, reverse),
            )
        ]
    if samples > 1 and frozen_batch is None:
        first, last, half = slice(1), slice(samples - 1, samples), slice(samples // 2)
        alone, other = f"for a sample alone and among {samples}", f"in a batch of {samples // 2}"
        calls["batch"] = [
            _Call(alone, _rows(chosen, rows), _rows(first_answers, rows), limits or {})
            for rows in (first, last)
        ]
        calls["resize"] = [
            _Call(other, _rows(chosen, half), _rows(first_answers, half), limits or {}),
            _Call("after a batch of another size", chosen, first_answers),
        ]
    by_calls = [_by_calls(name, run, of_one, rounding) for name, of_one in calls.items()]
    return (*by_calls, _finite(answers, expected), *_constant(answers, expected))


@dataclass(frozen=True)
class _Call:
    """A call and the answer that the invariant demands of it.

    when: in words, to follow "differs by 0.1". limits: by output, where more than rounding is
    allowed.
    """

    when: str
    inputs: dict[str, Array]
    expected: Arrays
    limits: Mapping[str, float] = field(default_factory=dict[str, float])


def _by_calls(
    name: CalledInvariant, run: Run, calls: Iterable[_Call], rounding: Mapping[str, float]
) -> Invariant:
    """The invariant after its calls, or after the first that differs by more than is allowed."""
    largest: float | None = None
    note = ""
    for call in calls:
        try:
            again = run(call.inputs)
        except EdgemlError as error:
            return Invariant(name=name, passed=False, message=f"it fails {call.when}: {error}")
        for output, expected in call.expected.items():
            difference, fault = _difference(again[output], expected)
            if difference is not None:
                largest = max(difference, largest or 0.0)
                if fault is None and difference > rounding[output]:
                    allowed = max(rounding[output], call.limits.get(output, 0.0))
                    differs = f"differs by {difference:.3g} where {allowed:.3g} is allowed"
                    fault = differs if difference > allowed else None
                    note = note or f"{output!r} {differs}, {call.when}"
            if fault is not None:
                message = f"{output!r} {fault}, {call.when}"
                return Invariant(name=name, passed=False, figure=largest, message=message)
    return Invariant(name=name, passed=True, figure=largest, message=note)


def _difference(again: Array, expected: Array) -> tuple[float | None, str | None]:
    """The largest difference where both are finite, and what else is wrong in words; else None."""
    if again.shape != expected.shape:
        return None, f"has shape {list(again.shape)} instead of {list(expected.shape)}"
    unit = common_unit(again, expected)
    a, b = in_unit(again, unit), in_unit(expected, unit)
    finite = np.isfinite(a) & np.isfinite(b)
    changed = ~finite & (a != b) & ~(np.isnan(a) & np.isnan(b))
    largest = float(np.abs(a[finite] - b[finite]).max()) * unit if finite.any() else None
    fault = "changes between numbers and NaN or infinity" if changed.any() else None
    return None if largest is None else bounded(largest), fault


def _finite(answers: Arrays, expected: Arrays) -> Invariant:
    """Infinities of the model's own, as of what a mask rules out, are no fault."""
    counts: dict[str, int] = {}
    for name, array in answers.items():
        others = ~np.isfinite(array)
        model = expected.get(name)
        if model is not None and model.shape == array.shape:
            others &= array != model
        counts[name] = int(np.count_nonzero(others))
    places = [
        f"{count} of {answers[name].size} in {name!r}" for name, count in counts.items() if count
    ]
    message = f"NaN or infinity in {', '.join(places)}" if places else ""
    return Invariant(name="finite", passed=not places, message=message)


def _constant(answers: Arrays, expected: Arrays) -> Iterable[Invariant]:
    if min(map(len, answers.values())) < 2:
        return
    stuck = [
        name
        for name, array in answers.items()
        if array.size
        and (array == array[:1]).all()
        and _spread(expected[name]) > ROUNDING * magnitude(expected[name])
    ]
    message = f"the same answer to every sample in {', '.join(map(repr, stuck))}" if stuck else ""
    yield Invariant(name="constant", passed=not stuck, message=message)


def _spread(array: Array) -> float:
    """The largest difference between samples at one place."""
    if not array.size:
        return 0.0
    unit = common_unit(array)
    values = np.where(np.isfinite(array), in_unit(array, unit), 0.0)
    return bounded(float((values.max(axis=0) - values.min(axis=0)).max()) * unit)


def _samples(inputs: Arrays, frozen_batch: int | None, most: int) -> int:
    """How many samples to call with: as many as the file is frozen to, except 1, or up to `most`.

    A file frozen to 1 is run once for each sample.
    """
    if frozen_batch is not None and frozen_batch > 1:
        return frozen_batch
    return min(most, *map(len, inputs.values()))


def _rows(arrays: Arrays, rows: slice) -> dict[str, Array]:
    return {name: np.ascontiguousarray(array[rows]) for name, array in arrays.items()}
