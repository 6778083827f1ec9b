"""Models of known tasks really converted, and what the task loses by the files that came of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from edgeml import documents
from edgeml.conversion import ConversionReport, VariantReport
from edgeml.manifest import Format, Precision
from edgeml.parity.answers import ORDER, Answer
from edgeml_runtime.engines import registry
from tests.converters.commands import convert
from tests.converters.zoo.conversions import REFUSED
from tests.converters.zoo.known import BAD, GOOD, Known
from tests.converters.zoo.members.member import Array, Arrays

ROOT = Path(__file__).parents[3]
FORMATS: tuple[Format, ...] = get_args(Format)
_SECONDS = 1200  # of one conversion at most
ENGINES = {"onnx": "onnxruntime", "tflite": "litert"}


@dataclass(frozen=True)
class Asked:
    """A model as `edgeml convert` is asked for it.

    source: as the command is given it. rows: of the data, those that the verdict sees, whole
    sequences of a stream. calibration: data of its own. labels: the key of the truth that is given
    as labels. outputs: what `--output` says. options: any others.
    """

    name: str
    source: str | Path
    known: Known
    rows: Array
    calibration: Arrays
    labels: str = ""
    outputs: tuple[str, ...] = ()
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Converted:
    """A variant, what is said of it, and by how many tolerances the task is worse with its file."""

    model: str
    format: Format
    precision: Precision
    answer: Answer
    worse: float
    repaired: bool

    @property
    def agrees(self) -> bool:
        if self.answer == "same":
            return self.worse <= BAD
        return self.answer != "differs" or self.worse >= GOOD

    @property
    def cell(self) -> str:
        """The verdict, and by how many tolerances the task is worse."""
        lost = f"{self.worse:.2f}".replace("-0.00", "0.00")
        repaired = ", repaired" if self.repaired else ""
        return f"{self.answer}, {lost}{repaired}" + ("" if self.agrees else " (!)")


def agreement(found: Sequence[Converted]) -> str:
    """How many agree with their task, as the page says it."""
    agreeing = sum(one.agrees for one in found)
    said = f"{agreeing} of {len(found)} files agree"
    if agreeing == len(found):
        return f"{said}: none is called the same that is bad, and none different that is good."
    return f"{said}; in the others a bad one is called the same, or a good one different."


def converted(
    asked: Asked, folder: Path, formats: Sequence[Format], precisions: Sequence[Precision]
) -> Iterator[Converted]:
    """folder: is there. Raises RuntimeError where the command ends with another error."""
    known, out = asked.known, folder / asked.name
    data = {key: array[asked.rows] for key, array in known.data.inputs.items()}
    if asked.labels:
        data["labels"] = known.data.truth[asked.labels][asked.rows]
    options = [*asked.options]
    if known.feedback is not None:
        data["clip"] = np.arange(len(asked.rows)) // known.feedback.steps
        options += ["--sequence-by", "clip"]
    for role in asked.outputs:
        options += ["--output", role]
    ended = convert(
        asked.source, _saved(folder / f"{asked.name}.npz", data), out,
        "--calibration-data",
        str(_saved(folder / f"{asked.name}-calibration.npz", asked.calibration)),
        "--precision", ",".join(precisions), *options, to=formats, folder=ROOT, timeout=_SECONDS,
    )  # fmt: skip
    if ended.code not in (0, *REFUSED):
        raise RuntimeError(f"{asked.name} ended with {ended.code}: {ended.err[-2000:]}")
    report = documents.decode((out / "report.json").read_bytes(), ConversionReport, "report")
    for variant in report.variants:
        yield Converted(
            asked.name, variant.format, variant.precision, variant.answer,
            _worse(known, variant, out), any(repair.kept for repair in variant.repairs),
        )  # fmt: skip


def _worse(known: Known, variant: VariantReport, out: Path) -> float:
    """With the file on its engine, at the level of optimisation at which that would run it."""
    name = ENGINES[variant.format]
    row = min(
        (row for row in variant.engines if row.engine == name and row.outputs),
        key=lambda row: ORDER.index(row.answer),
    )
    engine = registry.engine_class(name)(
        out / variant.entry, inputs=variant.inputs, outputs=variant.outputs,
        optimisation=row.optimisation,
    )  # fmt: skip
    return known.worse(engine.run)


def _saved(path: Path, arrays: Mapping[str, Array]) -> Path:
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    return path
