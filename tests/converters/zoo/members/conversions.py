"""The members really converted, and what the task loses by the files that came of it."""

from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
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
from tests.converters.zoo.conversions import PROCESSES, REFUSED
from tests.converters.zoo.members.curves import BAD, GOOD, Judged
from tests.converters.zoo.members.member import Array, worse
from tests.converters.zoo.members.members import BY_NAME, MEMBERS
from tests.converters.zoo.zoo import Framework

ROOT = Path(__file__).parents[4]
PRECISIONS: tuple[Precision, ...] = ("fp32", "int8")
FORMATS: tuple[Format, ...] = get_args(Format)
ENGINES = {"onnx": "onnxruntime", "tflite": "litert"}
IN_KERAS = ("segmentation_nhwc", "mixed_units", "rare_event")
KEYS: tuple[tuple[Framework, str], ...] = (
    *(("torch", member.name) for member in MEMBERS),
    *(("keras", name) for name in IN_KERAS),
)
_SOURCES = {"torch": "sources", "keras": "keras_sources"}


@dataclass(frozen=True)
class Converted:
    """A variant, what is said of it, and by how many tolerances the task is worse with its file."""

    framework: Framework
    member: str
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


def convert_member(
    framework: Framework,
    name: str,
    folder: Path,
    formats: tuple[Format, ...] = FORMATS,
    precisions: tuple[Precision, ...] = PRECISIONS,
) -> Iterator[Converted]:
    """folder: is there. Raises RuntimeError where the command ends with another error."""
    judged = Judged(BY_NAME[name])
    out = folder / f"{framework}-{name}"
    member, inputs = judged.member, judged.data.inputs
    data = {key: array[judged.rows] for key, array in inputs.items()}
    if member.labels:
        data["labels"] = judged.data.truth[member.labels][judged.rows]
    options: list[str] = []
    if member.steps:
        data["clip"] = np.arange(member.proof) // member.steps
        options += ["--sequence-by", "clip"]
    for role in member.outputs:
        options += ["--output", role]
    ended = convert(
        f"tests.converters.zoo.members.{_SOURCES[framework]}:{name}",
        _saved(folder / f"{framework}-{name}.npz", data), out,
        "--calibration-data",
        str(_saved(folder / f"{framework}-{name}-calibration.npz", member.calibration().inputs)),
        "--precision", ",".join(precisions), *options, to=formats, folder=ROOT,
    )  # fmt: skip
    if ended.code not in (0, *REFUSED):
        raise RuntimeError(f"{name} ended with {ended.code}: {ended.err[-2000:]}")
    report = documents.decode((out / "report.json").read_bytes(), ConversionReport, "report")
    for variant in report.variants:
        yield Converted(
            framework, name, variant.format, variant.precision, variant.answer,
            _worse(judged, variant, out), any(repair.kept for repair in variant.repairs),
        )  # fmt: skip


@contextmanager
def convert_members(
    folder: Path,
) -> Generator[dict[tuple[Framework, str], Future[list[Converted]]]]:
    """All of them to both formats in both precisions; what is said as it comes."""

    def made(key: tuple[Framework, str]) -> list[Converted]:
        return list(convert_member(*key, folder))

    pool = ThreadPoolExecutor(PROCESSES)
    try:
        yield {key: pool.submit(made, key) for key in KEYS}
    finally:
        pool.shutdown(cancel_futures=True)


def _worse(judged: Judged, variant: VariantReport, out: Path) -> float:
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
    return worse(judged.costs(judged.answered(engine.run)), judged.own_costs)


def _saved(path: Path, arrays: Mapping[str, Array]) -> Path:
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    return path
