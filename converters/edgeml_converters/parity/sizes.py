"""Free sizes beside the batch: a file must say the same at other sizes than those of the data."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgeml.errors import EdgemlError, InputError
from edgeml.evidence import Invariant
from edgeml.parity import Array
from edgeml_converters.asked import FreeAxis, check_free
from edgeml_converters.formats.npz import save
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.parity.invariants import SAMPLES
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rule import Rule
from edgeml_converters.steps.model import ModelProcess


@dataclass(frozen=True)
class Sized:
    """Samples cut to another size, and the model's answers to them. size: its name."""

    size: str
    length: int
    inputs: Arrays
    expected: Arrays


def cut(free: Sequence[FreeAxis], inputs: Arrays) -> Iterator[tuple[str, int, dict[str, Array]]]:
    """A few samples at half of each size, and at one less: its name, its length, the inputs."""
    for size in dict.fromkeys(one.size for one in free):
        alike = [one for one in free if one.size == size]
        whole = inputs[alike[0].input].shape[alike[0].axis]
        for length in sorted({max(1, whole // 2), whole - 1}):
            yield (
                size,
                length,
                {
                    key: _cut(array[:SAMPLES], [o.axis for o in alike if o.input == key], length)
                    for key, array in inputs.items()
                },
            )


def at_other_sizes(
    model: ModelProcess, free: Sequence[FreeAxis], inputs: Arrays, workspace: Path
) -> tuple[Sized, ...]:
    """The model's answers at other sizes of the free axes; raises InputError where it has none."""
    check_free(free, {name: array.shape for name, array in inputs.items()})
    file = workspace / "sized.npz"
    sized: list[Sized] = []
    for size, length, arrays in cut(free, inputs):
        save(file, arrays)
        try:
            sized.append(Sized(size, length, arrays, model.predict(file)))
        except InputError as error:
            raise InputError(
                f"--free leaves {size!r} open, but with {length} there: {error}"
            ) from error
    return tuple(sized)


def _cut(array: Array, axes: Sequence[int], length: int) -> Array:
    for axis in axes:
        array = np.take(array, range(length), axis=axis)
    return np.ascontiguousarray(array)


def sizes_of_outputs(expected: Arrays, sized: Sequence[Sized]) -> dict[str, dict[int, str]]:
    """Output -> axis -> the name of its size, where that changes with a free one.

    It is the free one's own name where the two are always equal, else one of its own.
    """
    free: dict[str, dict[int, str]] = {}
    for name, array in expected.items():
        for one in sized:
            for axis, length in enumerate(one.expected[name].shape[1:], 1):
                if length == array.shape[axis]:
                    continue
                same = all(
                    other.expected[name].shape[axis] == other.length
                    for other in sized
                    if other.size == one.size
                )
                free.setdefault(name, {})[axis] = one.size if same else f"{name}_{axis}"
    return free


def sizes_held(
    run: Callable[[dict[str, Array]], Mapping[str, Array]], sized: Sequence[Sized], rule: Rule
) -> tuple[Invariant, ...]:
    """The invariant `sizes`: cut samples are answered as the model answers them; nothing without.

    Only what differs breaks it: they are too few to tell more of a lower precision.
    """
    plain = replace(rule, asked_again={})
    for one in sized:
        when = f"with {one.size} = {one.length}"
        try:
            answers = run(dict(one.inputs))
        except EdgemlError as error:
            return (Invariant(name="sizes", passed=False, message=f"it fails {when}: {error}"),)
        for output in judge(answers, one.expected, plain):
            if output.answer == "differs":
                message = f"{output.reason}, {when}"
                return (
                    Invariant(name="sizes", passed=False, figure=output.max_abs, message=message),
                )
    return (Invariant(name="sizes", passed=True),) if sized else ()
