"""One converted file in one of the runtime's engines, in a process of its own."""

from pathlib import Path
from typing import Any

import numpy.typing as npt

from edgeml.manifest import Optimisation
from edgeml_converters.formats.npz import load, save
from edgeml_converters.formats.tensors import Arrays, Names
from edgeml_converters.steps.messages import Done, Open, Opened, Run
from edgeml_converters.steps.process import Restarting


class EngineProcess:
    """Call `open` first. A crash ends the process and nothing else: the next `open` starts another.

    workspace: a folder for arrays and logs. Every method raises StepError when the engine crashed
    or hung, StepRefused when it raised.
    """

    def __init__(
        self,
        engine: str,
        entry: Path,
        workspace: Path,
        timeout_seconds: float,
        memory_bytes: int | None = None,
    ) -> None:
        self.engine = engine
        self._entry = entry
        self._workspace = workspace
        self._timeout_seconds = timeout_seconds
        self._worker = Restarting(workspace / f"{engine}.log", memory_bytes)

    def open(self, optimisation: Optimisation = "all") -> Opened:
        """Loads the file at a level of graph optimisation, in place of what was open."""
        return self._worker.ask(
            f"opening {self._entry.name} in {self.engine}",
            Open(engine=self.engine, entry=str(self._entry), optimisation=optimisation),
            Opened,
            self._timeout_seconds,
        )

    def run(self, arrays: Arrays, names: Names) -> dict[str, npt.NDArray[Any]]:
        """The file's outputs, by its own names, for inputs by the contract's."""
        file = self._workspace / f"{self.engine}-inputs.npz"
        save(file, arrays)
        return self.run_file(file, names)

    def run_file(self, file: Path, names: Names) -> dict[str, npt.NDArray[Any]]:
        """As `run`, for inputs in an .npz."""
        into = self._workspace / f"{self.engine}-outputs.npz"
        self._worker.ask(
            f"predicting with {self.engine}",
            Run(inputs=str(file), names=dict(names), into=str(into)),
            Done,
            self._timeout_seconds,
        )
        return load(into)

    def close(self) -> None:
        self._worker.close()

    def __enter__(self) -> "EngineProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
