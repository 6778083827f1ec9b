"""Damage of growing size: what the task really loses by it, and what the verdict says."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from edgeml.parity.answers import Answer, OutputParity, worst
from edgeml_converters.formats.tensors import Feedback
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rolled import Stream, only_begins, with_states
from edgeml_converters.parity.rule import Rule
from edgeml_converters.parity.streams import judge_steps
from edgeml_converters.roles.assume import assume_roles
from edgeml_converters.roles.given import Roles, parse_roles
from edgeml_converters.roles.states import with_inputs
from tests.converters.zoo.members.member import (
    Array,
    Arrays,
    Costs,
    Damage,
    Data,
    Member,
    answers,
    worse,
)

Run = Callable[[Arrays], Arrays]
_STATES = {"h1": "h"}
GOOD, BAD = 0.5, 1.0  # in tolerances, as in benchmarks/verdict_tasks


@dataclass(frozen=True)
class Answered:
    """alone: to each row by itself. fed_back: with the states fed back, of a stream."""

    alone: Arrays
    fed_back: Arrays | None = None

    @property
    def used(self) -> Arrays:
        return self.alone if self.fed_back is None else self.fed_back


@dataclass(frozen=True)
class Point:
    """worse: by how many tolerances the task loses, in its figure that loses most. reason: of the
    verdict, empty where it is same."""

    damage: str
    size: float
    worse: float
    figure: str
    answer: Answer
    reason: str

    @property
    def truth(self) -> str:
        return "good" if self.worse < GOOD else "bad" if self.worse > BAD else "between"

    @property
    def agrees(self) -> bool:
        wrong = {"good": "differs", "bad": "same"}
        return wrong.get(self.truth) != self.answer


class Judged:
    """A member with its net, its data and what the net answers; judges what others answer.

    seed: of the damage, and of which samples the verdict sees.
    """

    def __init__(self, member: Member, seed: int = 0) -> None:
        self.member, self.seed = member, seed
        self.net = member.trained()
        self.data: Data = member.data()

    @cached_property
    def own(self) -> Answered:
        return self.answered(partial(answers, self.net))

    @cached_property
    def single(self) -> Arrays:
        """The inputs of single steps: where the data has nothing but beginnings, at the states that
        the net comes to by itself, as `edgeml convert` takes them."""
        inputs, member = self.data.inputs, self.member
        if not member.steps or not only_begins(inputs, _STATES):
            return inputs
        alone = fed_back(partial(answers, self.net), inputs, member.steps)
        starts = tuple(range(0, member.whole, member.steps))
        return with_states(inputs, Stream(Path(), alone, Feedback(states=_STATES, starts=starts)))

    @cached_property
    def roles(self) -> Roles:
        """As `edgeml convert` has them, but for what a converted file's graph would show."""
        few, inputs = self._proof(self.own.alone), self._proof(self.data.inputs)
        given = with_inputs(parse_roles(self.member.outputs), inputs, few)
        labels = self.member.labels
        return assume_roles(
            few, given, self._proof(self.data.truth)[labels] if labels else None, None, {}
        )

    @cached_property
    def own_costs(self) -> Costs:
        return self.costs(self.own)

    def costs(self, found: Answered) -> Costs:
        return self.member.costs(found.used, self.data.truth, self.own.used)

    def answered(self, run: Run, inputs: Arrays | None = None) -> Answered:
        """By whatever answers to inputs by name, as a net or an engine with a converted file."""
        inputs = inputs or self.single
        steps = self.member.steps
        return Answered(run(inputs), fed_back(run, inputs, steps) if steps else None)

    def outputs(self, found: Answered) -> tuple[OutputParity, ...]:
        """What the product's own judge says of a variant of lower precision, by the proof rows."""
        rule = Rule(self.roles)
        judged = judge(self._proof(found.alone), self._proof(self.own.alone), rule)
        if found.fed_back is None or self.own.fed_back is None:
            return judged
        starts = range(0, self.member.proof, self.member.steps)
        both = self._proof(found.fed_back), self._proof(self.own.fed_back)
        return (*judged, *judge_steps(*both, starts, rule))

    def point(self, damage: Damage, size: float) -> Point:
        found = self.damaged(damage, size)
        costs, outputs = self.costs(found), self.outputs(found)
        lost = worse(costs, self.own_costs)
        figure = max(costs, key=lambda n: worse({n: costs[n]}, self.own_costs))
        answer = worst(output.answer for output in outputs)
        reason = next((o.reason for o in outputs if o.answer == answer), "")
        return Point(damage.name, size, lost, figure, answer, reason)

    def damaged(self, damage: Damage, size: float) -> Answered:
        rng = np.random.default_rng([self.seed, 2])
        if damage in self.member.of_weights:
            net = copy.deepcopy(self.net)
            damage.change(net, size, rng)
            return self.answered(partial(answers, net))
        if damage in self.member.of_inputs:
            inputs = _copied(self.data.inputs)
            damage.change(inputs, size, rng)
            return self.answered(partial(answers, self.net), inputs)
        found = _copied(self.own.alone)
        damage.change(found, size, rng)
        return Answered(found)

    def curve(self, damage: Damage) -> Iterator[Point]:
        for size in damage.sizes:
            yield self.point(damage, size)

    @cached_property
    def rows(self) -> Array:
        """Those that the verdict sees, whole sequences of a stream."""
        run = max(1, self.member.steps)
        runs = np.random.default_rng([self.seed, 1]).permutation(self.member.whole // run)
        first = np.sort(runs[: self.member.proof // run]) * run
        rows: Array = (first[:, None] + np.arange(run)).ravel()
        return rows

    def _proof(self, arrays: Arrays) -> Arrays:
        return {name: array[self.rows] for name, array in arrays.items()}


def damages(member: Member) -> tuple[Damage, ...]:
    return (*member.of_weights, *member.of_inputs, *member.of_answers)


def fed_back(run: Run, inputs: Arrays, steps: int) -> dict[str, Array]:
    """The outputs over sequences of so many rows, `h1` given back as `h` from that in the first one
    of each."""
    given = {name: array.reshape(-1, steps, *array.shape[1:]) for name, array in inputs.items()}
    state = given["h"][:, 0]
    found: list[Arrays] = []
    for step in range(steps):
        found.append(run({name: array[:, step] for name, array in given.items()} | {"h": state}))
        state = found[-1]["h1"]
    return {
        name: np.stack([of[name] for of in found], axis=1).reshape(len(inputs["h"]), -1)
        for name in found[0]
    }


def _copied(arrays: Arrays) -> dict[str, Array]:
    return {name: array.copy() for name, array in arrays.items()}
