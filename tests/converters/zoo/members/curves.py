"""Damage of growing size: what the task really loses by it, and what the verdict says."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from edgeml.parity.answers import Answer, OutputParity, worst
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rule import Rule
from edgeml_converters.parity.streams import judge_steps
from edgeml_converters.roles.assume import assume_roles
from edgeml_converters.roles.given import Roles, parse_roles
from edgeml_converters.roles.labels import told_by_labels
from edgeml_converters.roles.states import with_inputs
from tests.converters.zoo.known import BAD, GOOD, Answered, Feedback, Known
from tests.converters.zoo.members.member import Array, Arrays, Damage, Member, answers, worse


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


class Judged(Known):
    """A member with its net, its data and what the net answers; judges what others answer.

    seed: of the damage, and of which samples the verdict sees.
    """

    def __init__(self, member: Member, seed: int = 0) -> None:
        self.member, self.seed = member, seed
        self.net = member.trained()
        feedback = Feedback("h1", "h", member.steps) if member.steps else None
        super().__init__(partial(answers, self.net), member.data(), member.costs, feedback)

    @cached_property
    def roles(self) -> Roles:
        """As `edgeml convert` has them, but for what a converted file's graph would show."""
        few, inputs = self._proof(self.own.alone), self._proof(self.data.inputs)
        given = with_inputs(parse_roles(self.member.outputs), inputs, few)
        labels = self.member.labels
        told = told_by_labels(few, self._proof(self.data.truth)[labels] if labels else None)
        return assume_roles(few, given, told, None, {})

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


def _copied(arrays: Arrays) -> dict[str, Array]:
    return {name: array.copy() for name, array in arrays.items()}
