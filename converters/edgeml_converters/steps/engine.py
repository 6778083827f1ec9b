"""One converted file in one of the runtime's engines, in a process of its own."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy.typing as npt

from edgeml.manifest import Optimisation
from edgeml_converters.formats.npz import load, save
from edgeml_converters.formats.tensors import Arrays, Feedback, Names
from edgeml_converters.steps.messages import Close, Done, Open, Opened, Run
from edgeml_converters.steps.process import StepError
from edgeml_converters.steps.restarting import Shared


class EngineProcess:
    """Call `open` first. A crash ends the process and nothing else: the next `open` starts another.

    worker: the engine's process, which other files use before and after. workspace: a folder for
    arrays. Every method but `close` raises StepError when the engine crashed or hung, StepRefused
    when it raised.
    """

    def __init__(self, engine: str, entry: Path, worker: Shared, workspace: Path) -> None:
        self.engine = engine
        self._entry = entry
        self._worker = worker
        self._workspace = workspace
        self._optimisation: Optimisation = "all"

    def open(self, optimisation: Optimisation = "all") -> Opened:
        """Loads the file at a level of graph optimisation, in place of what was open."""
        self._optimisation = optimisation
        return self._worker.ask_about(
            self._entry,
            f"opening {self._entry.name} in {self.engine}",
            Open(engine=self.engine, entry=str(self._entry), optimisation=optimisation),
            Opened,
        )

    def run(
        self, arrays: Arrays, names: Names, feedback: Feedback | None = None
    ) -> dict[str, npt.NDArray[Any]]:
        """The file's outputs, by its own names, for inputs by the contract's, in large batches."""
        file = self._workspace / f"{self.engine}-inputs.npz"
        save(file, arrays)
        return self.run_file(file, names, feedback, together=True)

    def run_file(
        self,
        file: Path,
        names: Names,
        feedback: Feedback | None = None,
        *,
        together: bool = False,
    ) -> dict[str, npt.NDArray[Any]]:
        """As `run`, for inputs in an .npz; feedback: by the file's names; together: see Run."""
        into = self._workspace / f"{self.engine}-outputs.npz"
        self._worker.ask_about(
            self._entry,
            f"predicting with {self.engine}",
            Run(
                inputs=str(file),
                names=dict(names),
                into=str(into),
                feedback=feedback,
                together=together,
            ),
            Done,
            prepare=lambda: self.open(self._optimisation),
        )
        return load(into)

    def close(self) -> None:
        """Frees the engine and its memory; the process stays for the next file."""
        if self._worker.alive:
            with suppress(StepError):  # it has answered all that it was asked about the file
                self._worker.ask(f"closing {self.engine}", Close(), Done)

    def __enter__(self) -> "EngineProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
