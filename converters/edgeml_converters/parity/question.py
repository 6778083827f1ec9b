"""What every engine is asked about a converted file: the samples, and the model's own answers."""

from dataclasses import dataclass
from pathlib import Path

from edgeml_converters.evidence.metrics import Metric
from edgeml_converters.formats.tensors import Array, Arrays, Feedback
from edgeml_converters.parity.rule import Rule
from edgeml_converters.parity.sizes import Sized
from edgeml_converters.steps.processes import Processes


@dataclass(frozen=True)
class Stream:
    """All steps of the data in their order, at which a model's states are fed back.

    file: an .npz of the inputs. expected: the model's answers when it runs on its own.
    """

    file: Path
    expected: Arrays
    feedback: Feedback


def with_states(inputs: Arrays, stream: Stream) -> Arrays:
    """The inputs with the states that the model comes to when it runs on its own: what is given in
    the data may be that of the beginning in every row."""
    found = dict(inputs)
    for given, taken in stream.feedback.states.items():
        states = inputs[taken].copy()
        states[1:] = stream.expected[given][:-1].reshape(states[1:].shape)
        starts = list(stream.feedback.starts)
        states[starts] = inputs[taken][starts]
        found[taken] = states
    return found


@dataclass(frozen=True)
class Question:
    """The samples to run, the model's answers to them, and the rule that they are judged by.

    file: an .npz of `inputs`. processes: in which files are made and run. slice_by: a key of the
    data and its value for each sample. metric: the task's own. sized: samples at other sizes of
    free axes. stream: None where no output is a state.
    """

    file: Path
    inputs: Arrays
    expected: Arrays
    rule: Rule
    processes: Processes
    labels: Array | None = None
    slice_by: tuple[str, Array] | None = None
    metric: Metric | None = None
    sized: tuple[Sized, ...] = ()
    stream: Stream | None = None

    @property
    def workspace(self) -> Path:
        """A folder for files on their way, which goes when the conversion is done."""
        return self.processes.workspace
