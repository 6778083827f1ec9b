"""Whether the model's own answers can be a reference at all."""

from pathlib import Path

from edgeml.errors import InputError, ParityError
from edgeml.parity.axes import Pair
from edgeml_converters.formats.npz import save
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.pairing import distance
from edgeml_converters.parity.rule import Rule
from edgeml_converters.sources.data import Data
from edgeml_converters.steps.model import ModelProcess

_SAMPLES = 8
_ROUNDING = 1e-8  # in shares of the spread, as of files in float32
_OF_BATCH = 1e-5  # the same: 50 dB; what looks at the other samples has less than 30


def check_reference(
    model: ModelProcess, inputs: Arrays, expected: Arrays, workspace: Path
) -> dict[str, Pair]:
    """Asks for a few samples again, twice; raises InputError for a model that answers differently.

    What draws random numbers, keeps a state or looks at the other samples of a batch has no answer
    to a sample that a converted file could give too. expected: its answers to all of `inputs`.
    Gives of each output what was answered to the few among all and in a smaller batch. These differ
    by the model's own rounding, some by 9e-4 of a probability, and no file of it can be nearer to
    it than it is to itself.
    """
    file = workspace / "asked-again.npz"
    save(file, {name: array[:_SAMPLES] for name, array in inputs.items()})
    first, again = model.predict(file), model.predict(file)
    for name, answers in first.items():
        if distance(again[name], answers) > _ROUNDING:
            raise InputError(
                f"The model answers differently to the same call, in {name!r}; it draws random "
                "numbers or keeps a state: switch off dropout and augmentation, or let it take its "
                "state in as an input and give it out as an output."
            )
        if distance(answers, expected[name][:_SAMPLES]) > _OF_BATCH:
            raise InputError(
                f"The model answers differently to the same samples in a smaller batch, in "
                f"{name!r}; a device asks for single samples: use statistics from training in "
                "place of the batch's, as model.eval() does in PyTorch, or save it with batch 1."
            )
    return {name: (expected[name][: len(answers)], answers) for name, answers in first.items()}


def check_expected(data: Data, answers: Arrays, rule: Rule) -> None:
    """The model's answers against `expected/NAME` in the data, where it is given.

    Raises InputError for a name that is no output, ParityError for other answers.
    """
    for name, value in data.expected.items():
        if name not in answers:
            raise InputError(
                f"{data.path} holds expected/{name}, but the model's outputs are "
                f"{', '.join(answers)}; name it after one of them."
            )
        (row,) = judge(answers, {name: value}, rule)
        if row.answer == "differs":
            raise ParityError(
                f"The model does not give expected/{name} of {data.path}: {row.reason}; "
                "check its weights, its preprocessing and the data."
            )
