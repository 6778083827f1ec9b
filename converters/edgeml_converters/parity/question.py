"""What every engine is asked about a converted file: the samples, and the model's own answers."""

from dataclasses import dataclass
from pathlib import Path

from edgeml_converters.evidence.metrics import Metric
from edgeml_converters.formats.tensors import Array, Arrays
from edgeml_converters.parity.rolled import Stream
from edgeml_converters.parity.rule import Rule
from edgeml_converters.parity.sizes import Sized
from edgeml_converters.steps.processes import Processes


@dataclass(frozen=True)
class Question:
    """The samples to run, the model's answers to them, and the rule that they are judged by.

    file: an .npz of `inputs`. processes: in which files are made and run. slice_by: a key of the
    data and its value for each sample. metric: the task's own. sized: samples at other sizes of
    free axes. stream: None where no output is a state. shown: whether people see what comes of it,
    and with it the figures beside those that decide, which may take as long as the verdict.
    together: see `messages.Run`.
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
    shown: bool = True
    together: bool = False

    @property
    def workspace(self) -> Path:
        """A folder for files on their way, which goes when the conversion is done."""
        return self.processes.workspace
