"""What every engine is asked about a converted file: the samples, and the model's own answers."""

from dataclasses import dataclass
from pathlib import Path

from edgeml.parity import Tolerance
from edgeml_converters.evidence.metrics import Metric
from edgeml_converters.formats.tensors import Array, Arrays
from edgeml_converters.steps.engine import EngineProcess


@dataclass(frozen=True)
class Question:
    """The samples to run, the model's answers to them, and what counts as the same.

    file: an .npz of `inputs`. workspace: a folder for arrays and logs. timeout_seconds: for each
    step. slice_by: a key of the data and its value for each sample. metric: the task's own.
    """

    file: Path
    inputs: Arrays
    expected: Arrays
    tolerance: Tolerance
    workspace: Path
    timeout_seconds: float
    memory_bytes: int | None = None
    labels: Array | None = None
    slice_by: tuple[str, Array] | None = None
    metric: Metric | None = None

    def engine(self, name: str, entry: Path) -> EngineProcess:
        """A process for one engine and file, within this question's limits."""
        return EngineProcess(name, entry, self.workspace, self.timeout_seconds, self.memory_bytes)
