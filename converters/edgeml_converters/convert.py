"""`convert`: from a framework's model to variants whose parity is shown, in one folder."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy.typing as npt

from edgeml import atomic, documents, holdout
from edgeml.conversion import ConversionReport, VariantReport
from edgeml.errors import ConversionError, InputError, ParityError
from edgeml.holdout import Holdout
from edgeml.manifest import Format, Precision
from edgeml.parity import Tolerance, compare
from edgeml_converters import folder, sources
from edgeml_converters.contract_from import contract_from
from edgeml_converters.data import Data, bind, read, save, split, spread
from edgeml_converters.depth import metrics
from edgeml_converters.lint import lint
from edgeml_converters.model_process import ModelProcess
from edgeml_converters.options import Options
from edgeml_converters.page import page
from edgeml_converters.parity_run import Question, describe
from edgeml_converters.precision import Quantiser
from edgeml_converters.progress import Progress, silent
from edgeml_converters.provenance import provenance, tools
from edgeml_converters.variant import TOLERANCES, Made, make_float, ship

Arrays = Mapping[str, npt.NDArray[Any]]


def convert(
    source_text: str,
    targets: Sequence[Format],
    data_file: Path,
    out: Path,
    precisions: Sequence[Precision] = ("fp32",),
    options: Options | None = None,
    progress: Progress = silent,
) -> ConversionReport:
    """Writes `out` as edgeml.conversion describes it and returns its report.

    Raises InputError for a source, data or folder that cannot be used, ConversionError when the
    model itself crashes or hangs, ParityError when it disagrees with the data's `expected/`. What
    happened to each variant stands in the report; `verdict` raises it.
    """
    options = options or Options()
    data = read(data_file, options.slice_by)
    metric = metrics.parse(options.metric) if options.metric else None
    folder.check(out)
    with ExitStack() as until_the_end:
        temporary = until_the_end.enter_context(TemporaryDirectory(prefix="edgeml-convert-"))
        downloads = Path(temporary) / "downloads"
        downloads.mkdir()
        source = sources.parse(source_text, options.weights, downloads)
        model = until_the_end.enter_context(
            ModelProcess(
                source, Path(temporary), options.timeout_seconds, options.memory_bytes,
                options.layout,
            )
        )  # fmt: skip
        _check_file(source)
        with progress(f"load {source.label}"):
            loaded = model.load()
        inputs = bind(data, loaded.inputs)
        file = Path(temporary) / "inputs.npz"
        save(file, inputs)
        with progress(f"predict {data.samples} samples with {loaded.framework}"):
            expected = model.predict(file)
        _check_expected(data, expected, TOLERANCES["fp32"])
        limit = options.calibration_samples if "int8" in precisions else 0
        shown, calibration = split(data, limit)
        question = Question(
            file,
            {name: array[shown] for name, array in inputs.items()},
            {name: array[shown] for name, array in expected.items()},
            options.tolerance or TOLERANCES["fp32"],
            Path(temporary),
            options.timeout_seconds,
            options.memory_bytes,
            labels=None if data.labels is None else data.labels[shown],
            slice_by=None if data.slices is None else (data.slices[0], data.slices[1][shown]),
            metric=metric,
        )
        save(file, question.inputs)
        calibrating = {name: array[calibration] for name, array in inputs.items()}
        with folder.building(out) as build:
            made = [
                variant
                for target in dict.fromkeys(targets)
                for variant in _variants(
                    target, precisions, model, question, calibrating, build, options, progress
                )
            ]
            variants = tuple(variant.report for variant in made)
            report = ConversionReport(
                source=source.label,
                framework=loaded.framework,
                samples=len(shown),
                calibration_samples=len(calibration),
                variants=variants,
                tools=tools(loaded.framework),
            )
            rows = spread(len(shown), options.holdout_samples)
            kept = Holdout(
                inputs={name: array[rows] for name, array in question.inputs.items()},
                expected={name: array[rows] for name, array in question.expected.items()},
                tolerances={variant.id: variant.tolerance for variant in variants},
                labels=None if question.labels is None else question.labels[rows],
            )
            contract = contract_from(inputs, expected, options.layout)
            written = {
                "report.html": page(report, contract, question, made, build, options, progress),
                folder.REPORT: documents.encode_pretty(report).encode() + b"\n",
                "contract.json": documents.encode(contract),
                "holdout.npz": holdout.encode(kept),
                "provenance.json": documents.encode(provenance(source, data, loaded.framework)),
            }
            for name, content in written.items():
                atomic.write(build / name, content)
    return report


def _variants(
    target: Format,
    precisions: Sequence[Precision],
    model: ModelProcess,
    question: Question,
    calibration: Arrays,
    build: Path,
    options: Options,
    progress: Progress,
) -> list[Made]:
    """The variants of one format, in the order asked for; their files are in `build`."""
    base = make_float(target, model, question, progress)
    made: list[Made] = []
    for precision in dict.fromkeys(precisions):
        if precision == "fp32":
            made.append(base)
        elif base.folder is None or not base.report.passed:
            made.append(_without_base(base, precision))
        else:
            asked = replace(question, tolerance=options.tolerance or TOLERANCES[precision])
            made.append(
                Quantiser(
                    base, precision, asked, calibration, progress, repair=options.repair
                ).make()
            )
    for variant in made:
        ship(variant, build)
    if base.folder is not None and set(precisions) != {"fp32"}:
        folder.keep_reference(base.folder, target, build)
    return made


def _without_base(base: Made, precision: Precision) -> Made:
    """A float file that does not agree is no ground to build on."""
    report = VariantReport(
        id=f"{base.report.format}-{precision}",
        format=base.report.format,
        precision=precision,
        passed=False,
        tolerance=base.report.tolerance,
        routes=base.report.routes,
        findings=base.report.findings,
    )
    return Made(report, None)


def _check_file(source: sources.Source) -> None:
    """A file that is converted already is searched before it runs: its answers are the reference."""
    if source.kind not in ("onnx", "tflite"):
        return
    for finding in lint(source.kind, Path(source.location)):
        if finding.severity == "error" and not finding.engines:
            raise ConversionError(
                f"{source.label} cannot be used: {finding.fault}: {finding.message}"
            )


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
    """Each fault by its name with the first that was said of it, or else what each route said."""
    named: dict[str, str] = {}
    for finding in variant.findings:
        if finding.severity == "error":
            named.setdefault(finding.fault, finding.message.rstrip("."))
    if named:
        return "; ".join(f"{fault}: {message}" for fault, message in named.items())
    said = [f"{tried.route}: {tried.error}" for tried in variant.routes if tried.error]
    said += [f"{tried.name}: {tried.error}" for tried in variant.calibrators if tried.error]
    return "; ".join(said)
