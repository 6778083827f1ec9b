"""`convert`: from a framework's model to variants whose parity is shown, in one folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy.typing as npt

from edgeml import atomic, documents, holdout
from edgeml.conversion import ConversionReport, VariantReport
from edgeml.errors import ConversionError, InputError, ParityError
from edgeml.holdout import Holdout
from edgeml.manifest import Format
from edgeml.parity import Tolerance, compare
from edgeml_converters import folder, sources
from edgeml_converters.contract_from import contract_from
from edgeml_converters.data import Data, bind, read, save, spread
from edgeml_converters.model_process import ModelProcess
from edgeml_converters.parity_run import Question, describe
from edgeml_converters.progress import Progress, silent
from edgeml_converters.provenance import provenance, tools
from edgeml_converters.variant import make_variant

Arrays = Mapping[str, npt.NDArray[Any]]


def convert(
    source_text: str,
    targets: Sequence[Format],
    data_file: Path,
    out: Path,
    *,
    timeout_seconds: float = 600.0,
    holdout_samples: int = 64,
    tolerance: Tolerance | None = None,
    progress: Progress = silent,
) -> ConversionReport:
    """Writes `out` as edgeml.conversion describes it and returns its report.

    timeout_seconds: for each step. holdout_samples: at most so many, evenly from the data.
    Raises InputError for a source, data or folder that cannot be used, ConversionError when the
    model itself crashes or hangs, ParityError when it disagrees with the data's `expected/`. What
    happened to each variant stands in the report; `verdict` raises it.
    """
    source = sources.parse(source_text)
    data = read(data_file)
    folder.check(out)
    tolerance = tolerance or Tolerance()
    with (
        TemporaryDirectory(prefix="edgeml-convert-") as temporary,
        ModelProcess(source, Path(temporary), timeout_seconds) as model,
    ):
        with progress(f"load {source.label}"):
            loaded = model.load()
        inputs = bind(data, loaded.inputs)
        file = Path(temporary) / "inputs.npz"
        save(file, inputs)
        with progress(f"predict {data.samples} samples with {loaded.framework}"):
            expected = model.predict(file)
        _check_expected(data, expected, tolerance)
        question = Question(file, inputs, expected, tolerance, Path(temporary), timeout_seconds)
        with folder.building(out) as build:
            variants = tuple(
                make_variant(target, model, question, build, progress)
                for target in dict.fromkeys(targets)
            )
            report = ConversionReport(
                source=source.label,
                framework=loaded.framework,
                samples=data.samples,
                variants=variants,
                tools=tools(loaded.framework),
            )
            rows = spread(data.samples, holdout_samples)
            kept = Holdout(
                inputs={name: array[rows] for name, array in inputs.items()},
                expected={name: array[rows] for name, array in expected.items()},
                tolerances={variant.id: variant.tolerance for variant in variants},
                labels=None if data.labels is None else data.labels[rows],
            )
            written = {
                folder.REPORT: documents.encode_pretty(report).encode() + b"\n",
                "contract.json": documents.encode(contract_from(inputs, expected)),
                "holdout.npz": holdout.encode(kept),
                "provenance.json": documents.encode(provenance(source, data, loaded.framework)),
            }
            for name, content in written.items():
                atomic.write(build / name, content)
    return report


def _check_expected(data: Data, found: Arrays, tolerance: Tolerance) -> None:
    """The model's answers against `expected/NAME` in the data, where it is given."""
    for name, value in data.expected.items():
        if name not in found:
            raise InputError(
                f"{data.path} holds expected/{name}, but the model's outputs are "
                f"{', '.join(found)}; name it after one of them."
            )
        row = compare(name, found[name], value, tolerance)
        if not row.passed:
            raise ParityError(
                f"The model does not give expected/{name} of {data.path}: {describe(row)}; check "
                "its weights, its preprocessing and the data."
            )


def verdict(report: ConversionReport, out: Path) -> None:
    """Raises ConversionError for a variant without a file, ParityError for one that differs."""
    where = f"all figures are in {out / folder.REPORT}"
    for variant in report.variants:
        if not variant.files:
            raise ConversionError(f"{variant.id} could not be made ({_faults(variant)}); {where}.")
    for variant in report.variants:
        if not variant.passed:
            raise ParityError(
                f"{variant.id} does not say the same as the model ({_faults(variant)}); {where}."
            )


def _faults(variant: VariantReport) -> str:
    return "; ".join(f"{tried.route}: {tried.error}" for tried in variant.routes)
