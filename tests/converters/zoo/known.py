"""A model whose task has a known truth, and by how much the task is worse with other answers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from edgeml_converters.formats import tensors
from edgeml_converters.parity.rolled import Stream, only_begins, with_states
from tests.converters.zoo.members.member import Array, Arrays, Costs, Data, worse

Run = Callable[[Arrays], Arrays]
GOOD, BAD = 0.5, 1.0  # in tolerances, as in benchmarks/verdict_tasks


@dataclass(frozen=True)
class Feedback:
    """The state `given` goes back in as `taken`, over sequences of so many rows."""

    given: str
    taken: str
    steps: int


@dataclass(frozen=True)
class Answered:
    """alone: to each row by itself. fed_back: with the states fed back, of a stream."""

    alone: Arrays
    fed_back: Arrays | None = None

    @property
    def used(self) -> Arrays:
        return self.alone if self.fed_back is None else self.fed_back


class Known:
    """A model's task: what it is asked, what is really there, and what is lost by an answer.

    run: the model itself. costs: of answers, by the truth and by the model's own answers, where
    something is made of those before. feedback: None where no state goes back in.
    """

    def __init__(
        self,
        run: Run,
        data: Data,
        costs: Callable[[Arrays, Arrays, Arrays], Costs],
        feedback: Feedback | None = None,
    ) -> None:
        self.data, self.feedback = data, feedback
        self._run, self._costs = run, costs

    @cached_property
    def own(self) -> Answered:
        return self.answered(self._run)

    @cached_property
    def own_costs(self) -> Costs:
        return self.costs(self.own)

    def costs(self, found: Answered) -> Costs:
        return self._costs(found.used, self.data.truth, self.own.used)

    def answered(self, run: Run, inputs: Arrays | None = None) -> Answered:
        """By whatever answers to inputs by name, as a net or an engine with a converted file."""
        inputs = inputs or self.single
        return Answered(
            run(inputs), None if self.feedback is None else fed_back(run, inputs, self.feedback)
        )

    @cached_property
    def single(self) -> Arrays:
        """The inputs of single steps: where the data has nothing but beginnings, at the states that
        the model comes to by itself, as `edgeml convert` takes them."""
        inputs, feedback = self.data.inputs, self.feedback
        if feedback is None:
            return inputs
        states = {feedback.given: feedback.taken}
        if not only_begins(inputs, states):
            return inputs
        alone = fed_back(self._run, inputs, feedback)
        starts = tuple(range(0, len(inputs[feedback.taken]), feedback.steps))
        over = tensors.Feedback(states=states, starts=starts)
        return with_states(inputs, Stream(Path(), alone, over))

    def worse(self, run: Run) -> float:
        """By how many tolerances, in the figure that loses most."""
        return worse(self.costs(self.answered(run)), self.own_costs)


def fed_back(run: Run, inputs: Arrays, feedback: Feedback) -> dict[str, Array]:
    """The outputs over all sequences, from the state in the first row of each."""
    steps, rows = feedback.steps, len(inputs[feedback.taken])
    given = {name: array.reshape(-1, steps, *array.shape[1:]) for name, array in inputs.items()}
    state = given[feedback.taken][:, 0]
    found: list[Arrays] = []
    for step in range(steps):
        now = {name: array[:, step] for name, array in given.items()}
        found.append(run(now | {feedback.taken: state}))
        state = found[-1][feedback.given]
    return {
        name: np.stack([of[name] for of in found], axis=1).reshape(rows, *array.shape[1:])
        for name, array in found[0].items()
    }
