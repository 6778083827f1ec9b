"""From a loaded model to the folder of its conversion."""

from collections.abc import Sequence
from pathlib import Path

from edgeml import atomic, documents, holdout
from edgeml.conversion import ConversionReport
from edgeml.errors import InputError, ParityError
from edgeml.holdout import Holdout
from edgeml.manifest import Format, Precision
from edgeml.parity import Tolerance, compare
from edgeml_converters.evidence import metrics
from edgeml_converters.formats.npz import save
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.options import Options
from edgeml_converters.outcome import folder
from edgeml_converters.outcome.contract import contract_from
from edgeml_converters.outcome.provenance import provenance, tools
from edgeml_converters.parity.outcome import describe
from edgeml_converters.parity.question import Question
from edgeml_converters.parity.tolerances import TOLERANCES
from edgeml_converters.progress import Progress
from edgeml_converters.report.page import page
from edgeml_converters.sources.data import Data, bind
from edgeml_converters.sources.rows import Rows, split, spread
from edgeml_converters.sources.source import Source
from edgeml_converters.steps.messages import Loaded
from edgeml_converters.steps.model import ModelProcess
from edgeml_converters.steps.processes import Processes
from edgeml_converters.variants.candidate import Candidate
from edgeml_converters.variants.of_format import make_variants


class Pipeline:
    """One conversion of one loaded model.

    calibration: data of its own for static int8; None takes rows of `data`. processes: those in
    which files are made and run.
    """

    def __init__(
        self,
        source: Source,
        data: Data,
        calibration: Data | None,
        model: ModelProcess,
        loaded: Loaded,
        processes: Processes,
        options: Options,
        progress: Progress,
    ) -> None:
        self._source = source
        self._data = data
        self._calibration = calibration
        self._model = model
        self._loaded = loaded
        self._processes = processes
        self._options = options
        self._progress = progress

    def run(
        self, targets: Sequence[Format], precisions: Sequence[Precision], out: Path
    ) -> ConversionReport:
        """See edgeml_converters.convert.convert."""
        data, options = self._data, self._options
        inputs = bind(data, self._loaded.inputs)
        own = self._calibration
        apart = None if own is None else bind(own, self._loaded.inputs)
        file = self._processes.workspace / "inputs.npz"
        save(file, inputs)
        with self._progress(f"predict {data.samples} samples with {self._loaded.framework}"):
            expected = self._model.predict(file)
        _check_expected(data, expected, TOLERANCES["fp32"])
        rows = split(
            data,
            options.calibration_samples if "int8" in precisions and apart is None else 0,
            options.choice_samples if set(precisions) != {"fp32"} else 0,
        )
        proof = self._question("proof", rows.proof, inputs, expected)
        choice = self._question("choice", rows.choice, inputs, expected)
        calibration = (
            {name: array[rows.calibration] for name, array in inputs.items()}
            if apart is None
            else _spread(apart, options.calibration_samples)
        )
        with folder.building(out) as build:
            candidates = [
                candidate
                for target in dict.fromkeys(targets)
                for candidate in make_variants(
                    target, precisions, self._model, proof, choice, calibration, build, options,
                    self._progress,
                )
            ]  # fmt: skip
            report = ConversionReport(
                source=self._source.label,
                framework=self._loaded.framework,
                samples=len(rows.proof),
                choice_samples=len(rows.choice),
                calibration_samples=len(next(iter(calibration.values()))),
                variants=tuple(candidate.report for candidate in candidates),
                tools=tools(self._loaded.framework),
            )
            self._write(build, report, proof, candidates, (inputs, expected))
        return report

    def _question(self, name: str, rows: Rows, inputs: Arrays, expected: Arrays) -> Question:
        """The question about some rows of the data, whose inputs are saved for the engines."""
        data, options = self._data, self._options
        asked = {key: array[rows] for key, array in inputs.items()}
        file = self._processes.workspace / f"{name}.npz"
        save(file, asked)
        return Question(
            file,
            asked,
            {key: array[rows] for key, array in expected.items()},
            options.tolerance or TOLERANCES["fp32"],
            self._processes,
            labels=None if data.labels is None else data.labels[rows],
            slice_by=None if data.slices is None else (data.slices[0], data.slices[1][rows]),
            metric=metrics.parse(options.metric) if options.metric else None,
        )

    def _write(
        self,
        build: Path,
        report: ConversionReport,
        question: Question,
        candidates: Sequence[Candidate],
        arrays: tuple[Arrays, Arrays],
    ) -> None:
        """The documents beside the variants; arrays: all inputs and answers, for the contract."""
        rows = spread(report.samples, self._options.holdout_samples)
        kept = Holdout(
            inputs={name: array[rows] for name, array in question.inputs.items()},
            expected={name: array[rows] for name, array in question.expected.items()},
            tolerances={variant.id: variant.tolerance for variant in report.variants},
            labels=None if question.labels is None else question.labels[rows],
        )
        contract = contract_from(*arrays, self._options.layout)
        origin = provenance(self._source, self._data, self._calibration, self._loaded.framework)
        written = {
            "report.html": page(
                report, contract, question, candidates, build, self._options, self._progress
            ),
            folder.REPORT: documents.encode_pretty(report).encode() + b"\n",
            "contract.json": documents.encode(contract),
            "holdout.npz": holdout.encode(kept),
            "provenance.json": documents.encode(origin),
        }
        for name, content in written.items():
            atomic.write(build / name, content)


def _spread(arrays: Arrays, limit: int) -> Arrays:
    """At most `limit` samples, evenly over all."""
    rows = spread(len(next(iter(arrays.values()))), limit)
    return {name: array[rows] for name, array in arrays.items()}


def _check_expected(data: Data, answers: Arrays, tolerance: Tolerance) -> None:
    """The model's answers against `expected/NAME` in the data, where it is given."""
    for name, value in data.expected.items():
        if name not in answers:
            raise InputError(
                f"{data.path} holds expected/{name}, but the model's outputs are "
                f"{', '.join(answers)}; name it after one of them."
            )
        row = compare(name, answers[name], value, tolerance)
        if not row.passed:
            raise ParityError(
                f"The model does not give expected/{name} of {data.path}: {describe(row)}; check "
                "its weights, its preprocessing and the data."
            )
