"""One model through one route, beside its own answers: what a worker does, without the command."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml_converters.formats.npz import load, save
from edgeml_converters.sources.source import parse
from edgeml_converters.steps.messages import Convert, Converted, Done, Load, Loaded, Predict
from edgeml_converters.steps.process import Worker
from edgeml_runtime.engines.onnx import OnnxEngine
from edgeml_runtime.engines.tflite import LitertEngine

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Routed:
    """expected: the model's own answers; answers: the file's, both by name."""

    loaded: Loaded
    entry: Path
    expected: Arrays
    answers: Arrays

    @property
    def worst(self) -> float:
        """The largest distance of any two numbers."""
        assert self.expected.keys() == self.answers.keys()
        return max(
            float(np.abs(self.answers[name].astype(np.float64) - value).max())
            for name, value in self.expected.items()
        )


def route(worker: Worker, folder: Path, source: str | Path, key: str, **inputs: Any) -> Routed:
    """key: the route's; inputs: samples on the first axis."""
    asked = Load(source=parse(str(source)), keys=tuple(inputs))
    loaded = worker.ask("loading", asked, Loaded, 120)
    given, told = folder / "inputs.npz", folder / "expected.npz"
    save(given, inputs)
    worker.ask("predicting", Predict(inputs=str(given), into=str(told)), Done, 120)
    expected = load(told)
    made = folder / key
    made.mkdir()
    save(folder / "example.npz", {name: array[:2] for name, array in inputs.items()})
    converted = worker.ask(
        "converting",
        Convert(
            route=key,
            inputs=str(folder / "example.npz"),
            outputs=tuple(expected),
            folder=str(made),
        ),
        Converted,
        120,
    )
    entry = made / converted.entry
    return Routed(loaded, entry, expected, _answers(entry, inputs))


def _answers(entry: Path, inputs: Arrays) -> dict[str, npt.NDArray[Any]]:
    """One sample after the other, as a file of batch 1 takes them."""
    engine = (OnnxEngine if entry.suffix == ".onnx" else LitertEngine)(entry)
    count = len(next(iter(inputs.values())))
    rows = [
        engine.run({name: array[n : n + 1] for name, array in inputs.items()}) for n in range(count)
    ]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
