"""The framework's model in its own process, loaded again when a step has killed it."""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.contract import Layout
from edgeml_converters.asked import Asked
from edgeml_converters.formats.npz import load, save
from edgeml_converters.formats.tensors import Arrays, Feedback
from edgeml_converters.sources.source import Source
from edgeml_converters.steps.messages import Convert, Converted, Done, Load, Loaded, Predict
from edgeml_converters.steps.restarting import Restarting

_EXAMPLE_SAMPLES = 2  # exporters take a batch of 1 for a constant


class ModelProcess:
    """One process for loading, reference answers and all routes: a framework takes seconds to
    import.

    samples: the file for the sample inputs that came with the model; it exists once the model is
    loaded and has some.
    """

    def __init__(
        self,
        source: Source,
        workspace: Path,
        timeout_seconds: float,
        memory_bytes: int | None = None,
        layout: Layout | None = None,
        asked: Asked | None = None,
        keys: Sequence[str] = (),
    ) -> None:
        self.samples = workspace / "samples.npz"
        self._source = source
        self._layout: Layout | None = layout
        self._asked = asked or Asked()
        self._keys = tuple(keys)
        self._workspace = workspace
        self._worker = Restarting(workspace / "model.log", timeout_seconds, memory_bytes)
        self._loaded: Loaded | None = None
        self._one_at_a_time = Lock()

    def load(self) -> Loaded:
        """Raises InputError when the source holds no model, StepError when loading crashed."""
        if self._worker.start() or self._loaded is None:
            self._loaded = self._worker.ask(
                f"loading {self._source.label}",
                Load(
                    source=self._source,
                    keys=self._keys,
                    asked=self._asked,
                    layout=self._layout,
                    samples=str(self.samples),
                ),
                Loaded,
            )
        return self._loaded

    def predict(self, file: Path, feedback: Feedback | None = None) -> dict[str, npt.NDArray[Any]]:
        """The framework's own answers to the arrays in `file`."""
        into = self._workspace / "expected.npz"
        self.load()
        self._worker.ask(
            "predicting with the framework",
            Predict(inputs=str(file), into=str(into), feedback=feedback),
            Done,
        )
        return load(into)

    def convert(
        self, route: str, title: str, inputs: Arrays, outputs: Sequence[str], folder: Path
    ) -> Converted:
        """Converts the model by the route of that name; the files go to a new `folder`.

        Raises StepError when it fails, crashes or hangs. May be called from several threads.
        """
        with self._one_at_a_time:
            return self._convert(route, title, inputs, outputs, folder)

    def _convert(
        self, route: str, title: str, inputs: Arrays, outputs: Sequence[str], folder: Path
    ) -> Converted:
        example = self._workspace / "example.npz"
        samples = self.load().batch or _EXAMPLE_SAMPLES
        save(
            example, {n: np.resize(a[:samples], (samples, *a.shape[1:])) for n, a in inputs.items()}
        )
        folder.mkdir(parents=True)
        return self._worker.ask(
            title,
            Convert(route=route, inputs=str(example), outputs=tuple(outputs), folder=str(folder)),
            Converted,
        )

    def close(self) -> None:
        self._worker.close()

    def __enter__(self) -> "ModelProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
