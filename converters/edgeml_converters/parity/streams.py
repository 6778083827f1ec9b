"""A model with states on its own: over all steps of the data, and over the last quarter.

What is wrong by little at each step can add up where a state is fed back, and nothing else shows
it. Errors of neighbouring steps are alike, so that the unit of the intervals is a run of them and
no step: batch means, of 16 batches (Schmeiser 1982, "Batch size effects in the analysis of
simulation output", finds 10 to 30 enough).
"""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np
from msgspec import structs

from edgeml.parity.answers import OutputParity
from edgeml.parity.figures import Array, Figure, Floats, Requirement
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.parity.judging import Units, channel_text, judge_by
from edgeml_converters.parity.rule import Rule

_BATCHES = 16
_LAST = 4  # the last of so many parts of each sequence
_OF_VALUES = ("unequal of a value", "unequal of a slice")  # columns that come up often enough
_OF_STATE = "noise of a state"  # for which all steps together must be enough
_WHERE = "in the last quarter"


def judge_steps(
    answers: Arrays, expected: Arrays, starts: Sequence[int], rule: Rule
) -> tuple[OutputParity, ...]:
    """Every output of `expected`, the model's when it ran on its own; the first axis is the step.

    In float32 too by the limits of roles, since steps add up rounding. starts: the steps that begin
    a sequence.
    """
    steps = len(next(iter(expected.values())))
    last = _last_quarters(starts, steps)
    batches = min(_BATCHES, len(last))
    of_steps = replace(rule, exact=False)

    def required(name: str) -> list[Requirement]:
        of_all = of_steps.requirements(name, answers[name], expected[name], expected)
        return [
            tuple(_batched(figure, batches, steps) for figure in alternatives)
            for requirement in of_all
            for alternatives in (requirement, tuple(_of(figure, last) for figure in requirement))
            if all(figure.numerators.shape[1] for figure in alternatives)
        ]

    units = Units(rule.least, batches, steps)
    judged = judge_by(answers, expected, of_steps, required, units)
    when = f"with its states fed back over {_said(starts, steps)}"
    return tuple(
        structs.replace(one, reason=f"{when}, {one.reason}") if one.reason else one
        for one in judged
    )


def _said(starts: Sequence[int], steps: int) -> str:
    """How many steps, and of sequences how long the longest is, over which alone errors add up."""
    if len(starts) < 2:
        return f"{steps} steps"
    longest = int(np.diff([*starts, steps]).max())
    return f"{steps} steps of {len(starts)} sequences, {longest} in the longest"


def _last_quarters(starts: Sequence[int], steps: int) -> Array:
    """The steps in the last quarter of each sequence."""
    ends = [*starts[1:], steps]
    return np.concatenate(
        [
            np.arange(end - ceil((end - start) / _LAST), end)
            for start, end in zip(starts, ends, strict=True)
        ]
    )


def _of(figure: Figure, rows: Array) -> Figure:
    """The figure over some steps alone. Of noise the spread stays that over all: a channel that has
    come to rest has none of its own. Values of integers that hardly come up in these steps, as the
    first ones of a counter, are not looked at in them."""
    width = figure.numerators.shape[1]
    names = figure.columns or tuple(f"{i}" for i in range(width) if width > 1)
    denominators = figure.denominators
    if figure.name.startswith("noise"):
        denominators = np.broadcast_to(denominators.mean(axis=0), denominators.shape)
    some = replace(
        figure,
        numerators=figure.numerators[rows],
        denominators=denominators[rows],
        columns=tuple(f"{channel_text(name)} {_WHERE}" for name in names)
        or (_WHERE.removeprefix("in "),),
        happened=None if figure.happened is None else figure.happened[rows],
        events_least=0 if figure.name == _OF_STATE else figure.events_least,
    )
    if figure.name not in _OF_VALUES:
        return some
    often = np.flatnonzero(some.events >= figure.events_least)
    return replace(
        some,
        numerators=some.numerators[:, often],
        denominators=some.denominators[:, often],
        columns=tuple(some.columns[place] for place in often),
    )


def _batched(figure: Figure, batches: int, of: int) -> Figure:
    """Sums over runs of steps; what must be seen in so many steps, in as large a share of them.

    What is counted and never came up is left in single steps: no run of them is worse than another,
    and of 16 nothing could ever be told. of: how many steps there are in all.
    """
    steps = len(figure.numerators)
    if figure.counts and not figure.numerators.any():
        return replace(figure, each=of / steps)
    starts = np.linspace(0, steps, batches, endpoint=False).astype(np.intp)

    def sums(array: Floats) -> Floats:
        summed: Floats = np.add.reduceat(array, starts, axis=0)
        return summed

    return replace(
        figure,
        each=of / batches,
        numerators=sums(figure.numerators),
        denominators=sums(figure.denominators),
        events_least=ceil(figure.events_least * batches / steps),
        happened=None
        if figure.happened is None
        else np.logical_or.reduceat(figure.happened, starts, axis=0),
    )
