"""Whether the model's own answers can be a reference at all."""

from pathlib import Path

from edgeml.errors import InputError
from edgeml_converters.formats.npz import save
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.parity.pairing import distance
from edgeml_converters.steps.model import ModelProcess

_SAMPLES = 8
_ROUNDING = 1e-8  # in shares of the spread, as of files in float32


def check_repeats(model: ModelProcess, inputs: Arrays, workspace: Path) -> None:
    """Asks a few samples twice; raises InputError for a model that answers differently.

    What draws random numbers or keeps a state has no answer that a converted file could give too.
    """
    file = workspace / "asked-twice.npz"
    save(file, {name: array[:_SAMPLES] for name, array in inputs.items()})
    first, again = model.predict(file), model.predict(file)
    for name, answers in first.items():
        if distance(again[name], answers) > _ROUNDING:
            raise InputError(
                f"The model answers differently to the same call, in {name!r}; it draws random "
                "numbers or keeps a state: switch off dropout and augmentation, or let it take its "
                "state in as an input and give it out as an output."
            )
