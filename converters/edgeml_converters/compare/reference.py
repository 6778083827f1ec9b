"""A of a comparison: the model that the other one is held against."""

from dataclasses import dataclass, field

import numpy as np

from edgeml.errors import EngineError, InputError
from edgeml_converters.compare.sides import Side, input_names
from edgeml_converters.formats.tensors import Array, Arrays, Feedback, Names
from edgeml_converters.frameworks.base import check_states
from edgeml_converters.progress import Progress
from edgeml_converters.sources.data import Data
from edgeml_converters.steps.process import StepError


@dataclass
class Reference:
    """A, opened, with its answers under each pairing of inputs.

    candidates: the pairings that are possible, array -> A's input; the first one was run.
    """

    side: Side
    data: Data
    candidates: list[Names]
    _answers: dict[int, dict[str, Array]] = field(default_factory=dict[int, dict[str, Array]])
    _of_steps: dict[int, dict[str, Array]] = field(default_factory=dict[int, dict[str, Array]])

    def answers(self, index: int) -> dict[str, Array]:
        if index not in self._answers:
            self._answers[index] = self._run(index)
        return self._answers[index]

    def given(self, index: int) -> Arrays:
        """The data by A's names of the inputs."""
        return {name: self.data.inputs[key] for key, name in self.candidates[index].items()}

    def steps(self, index: int, states: Names) -> dict[str, Array]:
        """The answers with A's states fed back: output -> input."""
        if index not in self._of_steps:
            feedback = Feedback(states=states, starts=self.data.starts)
            self._of_steps[index] = self._run(index, feedback)
        return self._of_steps[index]

    def _run(self, index: int, feedback: Feedback | None = None) -> dict[str, Array]:
        answers = self.side.run(self.data.inputs, self.candidates[index], feedback)
        if feedback is not None:
            check_states(answers, feedback)
        for name, array in answers.items():
            if array.dtype.kind == "f" and np.isnan(array).any():
                raise InputError(
                    f"{self.side.label} itself answers NaN in {name!r} for this data; mend the "
                    "model or the data."
                )
        return answers


def open_reference(left: tuple[Side, ...], data: Data, progress: Progress) -> Reference:
    errors: list[str] = []
    for side in left:
        with progress(f"run {side.label} {side.place}"):
            try:
                inputs = side.open()
                if inputs is None:
                    continue
                reference = Reference(side, data, input_names(data.inputs, inputs, side))
                reference.answers(0)
                return reference
            except StepError as error:
                errors.append(f"{side.runner}: {error.reason}")
    raise not_run(left[0].label, errors)


def not_run(label: str, errors: list[str]) -> InputError | EngineError:
    if errors:
        return InputError(f"{label} could not be run ({'; '.join(errors)}); convert it again.")
    return EngineError(f"No engine for {label} is installed; see 'edgeml doctor'.")
