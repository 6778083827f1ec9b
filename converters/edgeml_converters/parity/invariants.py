"""What must hold of any model, shown by calling its engine a few times more."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from edgeml.errors import EdgemlError
from edgeml.evidence import Invariant
from edgeml.parity import Array
from edgeml_converters.evidence.arrays import bounded, in_unit, magnitude, unit
from edgeml_converters.formats.tensors import Arrays

SAMPLES = 32
# Of the output's largest magnitude: 256 roundings of float32, as sums in another order have.
ROUNDING = 256 * 2.0**-23

Run = Callable[[dict[str, Array]], Mapping[str, Array]]
Called = Literal["repeat", "shuffle", "batch", "resize"]


def invariants(
    run: Run,
    inputs: Arrays,
    answers: Arrays,
    expected: Arrays,
    frozen_batch: int | None = None,
    limits: Mapping[str, float] | None = None,
) -> tuple[Invariant, ...]:
    """Calls `run` at most 7 times with at most 32 samples; what cannot be asked is left out.

    - repeat: the same samples again give the same answers;
    - shuffle: the samples in reverse order give the same answers, each its own;
    - batch: the first and the last sample alone are answered as among the others;
    - resize: half of the samples, then all again, are answered as before;
    - finite: no answer is NaN or infinite;
    - constant: an output is not the same for every sample where the model's own varies.

    run: inputs -> outputs by name, first axis the sample; one engine, open all the time.
    answers: what it said to all of `inputs`; expected: what the model did.
    frozen_batch: the batch size of the file, if it has one: no other is asked of it then.
    limits: what batch and resize allow by output, and say in words where it is more than rounding:
    a scale found over the whole batch (dynamic int8 in ONNX) makes 0.3 to 1.7 % of the output's
    magnitude of another batch size, and parity's tolerance is for that. All else may differ by
    ROUNDING times the magnitude, in quantised models too.
    An error of `run` fails what asked for it; that of the first call is raised.
    """
    samples = _samples(inputs, frozen_batch)
    few = _rows(inputs, slice(samples))
    base = run(few)
    rounding = {name: ROUNDING * magnitude(array) for name, array in base.items()}
    asked: dict[Called, list[_Asked]] = {
        "repeat": [_Asked("when called again with the same samples", few, base)]
    }
    if samples > 1:
        back = slice(None, None, -1)
        asked["shuffle"] = [
            _Asked(
                "when the same samples come in reverse order", _rows(few, back), _rows(base, back)
            )
        ]
    if samples > 1 and frozen_batch is None:
        first, last, half = slice(1), slice(samples - 1, samples), slice(samples // 2)
        alone, other = f"for a sample alone and among {samples}", f"in a batch of {samples // 2}"
        asked["batch"] = [
            _Asked(alone, _rows(few, rows), _rows(base, rows), limits or {})
            for rows in (first, last)
        ]
        asked["resize"] = [
            _Asked(other, _rows(few, half), _rows(base, half), limits or {}),
            _Asked("after a batch of another size", few, base),
        ]
    called = [_called(name, run, calls, rounding) for name, calls in asked.items()]
    return (*called, _finite(answers), *_constant(answers, expected))


@dataclass(frozen=True)
class _Asked:
    """One call and its right answer.

    when: to follow "differs by 0.1". limits: more than rounding that is allowed, by output.
    """

    when: str
    inputs: dict[str, Array]
    wanted: Arrays
    limits: Mapping[str, float] = field(default_factory=dict[str, float])


def _called(
    name: Called, run: Run, asked: Iterable[_Asked], rounding: Mapping[str, float]
) -> Invariant:
    """The calls in turn; the first that differs by more than is allowed ends it."""
    largest: float | None = None
    note = ""
    for one in asked:
        try:
            found = run(one.inputs)
        except EdgemlError as error:
            return Invariant(name=name, passed=False, message=f"it fails {one.when}: {error}")
        for output, wanted in one.wanted.items():
            difference, fault = _difference(found[output], wanted)
            if difference is not None:
                largest = max(difference, largest or 0.0)
                if fault is None and difference > rounding[output]:
                    allowed = max(rounding[output], one.limits.get(output, 0.0))
                    said = f"differs by {difference:.3g} where {allowed:.3g} is allowed"
                    fault = said if difference > allowed else None
                    note = note or f"{output!r} {said}, {one.when}"
            if fault is not None:
                message = f"{output!r} {fault}, {one.when}"
                return Invariant(name=name, passed=False, figure=largest, message=message)
    return Invariant(name=name, passed=True, figure=largest, message=note)


def _difference(found: Array, wanted: Array) -> tuple[float | None, str | None]:
    """The largest difference of what is finite, and what is wrong beside it."""
    if found.shape != wanted.shape:
        return None, f"has shape {list(found.shape)} instead of {list(wanted.shape)}"
    one = unit(found, wanted)
    a, b = in_unit(found, one), in_unit(wanted, one)
    finite = np.isfinite(a) & np.isfinite(b)
    changed = ~finite & (a != b) & ~(np.isnan(a) & np.isnan(b))
    largest = float(np.abs(a[finite] - b[finite]).max()) * one if finite.any() else None
    fault = "changes between numbers and NaN or infinity" if changed.any() else None
    return None if largest is None else bounded(largest), fault


def _finite(answers: Arrays) -> Invariant:
    bad = {name: int(np.count_nonzero(~np.isfinite(a))) for name, a in answers.items()}
    found = [f"{count} of {answers[name].size} in {name!r}" for name, count in bad.items() if count]
    message = f"NaN or infinity in {', '.join(found)}" if found else ""
    return Invariant(name="finite", passed=not found, message=message)


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
    one = unit(array)
    values = in_unit(array, one)
    return bounded(float((values.max(axis=0) - values.min(axis=0)).max()) * one)


def _samples(inputs: Arrays, frozen_batch: int | None) -> int:
    """A file frozen to 8 takes 8 only; one frozen to 1 is run once for each sample."""
    if frozen_batch is not None and frozen_batch > 1:
        return frozen_batch
    return min(SAMPLES, *map(len, inputs.values()))


def _rows(arrays: Arrays, rows: slice) -> dict[str, Array]:
    return {name: np.ascontiguousarray(array[rows]) for name, array in arrays.items()}
