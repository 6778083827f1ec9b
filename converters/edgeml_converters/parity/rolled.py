"""All steps of the data in their order, at which a model's states are fed back."""

from dataclasses import dataclass
from pathlib import Path

from edgeml_converters.formats.npz import save
from edgeml_converters.formats.tensors import Arrays, Feedback, Names
from edgeml_converters.sources.data import Data
from edgeml_converters.steps.model import ModelProcess

BEGINS = (
    "The data gives every row the state of a beginning, so that single steps are taken at the "
    "states that the model comes to on its own."
)


@dataclass(frozen=True)
class Stream:
    """file: an .npz of the inputs. expected: the model's answers when it runs on its own."""

    file: Path
    expected: Arrays
    feedback: Feedback


def roll(model: ModelProcess, data: Data, states: Names, file: Path) -> Stream:
    """The model on its own over all rows of `data`; file: an .npz of its inputs."""
    feedback = Feedback(states=states, starts=data.starts)
    return Stream(file, model.predict(file, feedback), feedback)


def only_begins(inputs: Arrays, states: Names) -> bool:
    """Whether the data gives every state the same values in all rows, which are those of a
    beginning. states: output -> the input that takes it."""
    given = [inputs[taken] for taken in states.values()]
    return bool(states) and all(bool((state == state[:1]).all()) for state in given)


def with_states(inputs: Arrays, stream: Stream) -> Arrays:
    """The inputs with the states that the model comes to when it runs on its own; its answers to
    them are those of the stream."""
    found = dict(inputs)
    for given, taken in stream.feedback.states.items():
        states = inputs[taken].copy()
        states[1:] = stream.expected[given][:-1].reshape(states[1:].shape)
        starts = list(stream.feedback.starts)
        states[starts] = inputs[taken][starts]
        found[taken] = states
    return found


def at_own_states(
    model: ModelProcess, data: Data, inputs: Arrays, states: Names, file: Path
) -> Arrays:
    """The inputs of other data, at the states that the model comes to, if they only begin; they
    are saved in `file` then."""
    if not only_begins(inputs, states):
        return inputs
    save(file, inputs)
    return with_states(inputs, roll(model, data, states, file))
