"""The files of one precision that are quantised from a float file, measured and examined."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import sqrt
from pathlib import Path

from edgeml.conversion import EngineParity
from edgeml.evidence import TensorFidelity
from edgeml.faults import Fault
from edgeml.manifest import Format, Precision
from edgeml.parity.answers import OutputParity
from edgeml_converters.asked import Io
from edgeml_converters.bisect.kept import beside
from edgeml_converters.bisect.repairs import Repair
from edgeml_converters.formats.npz import save
from edgeml_converters.formats.tensors import Arrays, Ranges
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.question import Question
from edgeml_converters.progress import Progress
from edgeml_converters.quantise.coverage import MIN_COVERAGE_PERCENT
from edgeml_converters.steps.messages import Quantise, Quantised, Trace, Traced
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants.candidate import Candidate, variant_id
from edgeml_converters.variants.examine import examine
from edgeml_converters.variants.findings import computed_in_float, low_coverage
from edgeml_converters.variants.outside import outside_calibration

_TRACED_SAMPLES = 8


@dataclass(frozen=True)
class Recipe:
    """How a file is quantised; see messages.Quantise."""

    calibrator: str | None = None
    keep_float: tuple[str, ...] = ()
    float_activations: tuple[str, ...] = ()
    per_channel: bool = True
    io: Io | None = None

    def with_float(self, names: Sequence[str], activations: Sequence[str] = ()) -> "Recipe":
        kept = dict.fromkeys((*self.keep_float, *names))
        in_float = dict.fromkeys((*self.float_activations, *activations))
        return replace(
            self,
            keep_float=tuple(kept),
            float_activations=tuple(name for name in in_float if name not in kept),
        )

    def with_repair(self, repair: Repair) -> "Recipe":
        return replace(
            self.with_float(repair.keep_float),
            calibrator=repair.calibrator or self.calibrator,
            per_channel=self.per_channel if repair.per_channel is None else repair.per_channel,
        )


@dataclass(frozen=True)
class QuantisedFile:
    """inputs: the calibrated range of each that it rounds. outputs: how near each is to the
    model's."""

    recipe: Recipe
    entry: Path
    coverage: float
    ranges: Ranges
    outputs: tuple[OutputParity, ...]
    inputs: Ranges = field(default_factory=dict)

    @property
    def snr_db(self) -> float | None:
        """Of the worst channel; None where it is exact."""
        return min((o.snr_db for o in self.outputs if o.snr_db is not None), default=None)

    @property
    def nearness(self) -> tuple[bool, float, float]:
        """More is better: nothing that surely differs, signal to noise, less of what is allowed.

        Noise comes before shares of limits, and before a figure that is beyond its limit by what a
        few samples happen to show: those often flip no class at all, and then one too many.
        """
        differs = any(output.answer == "differs" for output in self.outputs)
        snr_db = float("inf") if self.snr_db is None else self.snr_db
        return not differs, snr_db, -max(output.share for output in self.outputs)


class Quantiser:
    """Makes files of one precision out of one float file.

    proof: the samples that show parity. choice: others, by which files are measured and chosen.
    calibration: inputs by the contract's names, for static int8. least_coverage: per cent of the
    weights' bytes, below which a file is not of its precision.
    """

    def __init__(
        self,
        base: Candidate,
        precision: Precision,
        proof: Question,
        choice: Question,
        calibration: Arrays | None,
        progress: Progress,
        least_coverage: float = MIN_COVERAGE_PERCENT,
    ) -> None:
        self.base = base
        self.format: Format = base.report.format
        self.precision: Precision = precision
        # In ONNX one scale is of a whole batch, where a single sample shows the least noise.
        together = (self.format, precision) == ("onnx", "int8-dynamic")
        self.choice = replace(choice, together=together)
        self._least_coverage = least_coverage
        self._proof = replace(proof, together=together)
        self._processes = choice.processes
        self.progress = progress
        self._count = 0
        self._traced: dict[tuple[Path, str], tuple[TensorFidelity, ...]] = {}
        self._calibration: Path | None = None
        if precision == "int8" and calibration is not None:
            self._calibration = choice.workspace / f"calibration-{self.format}.npz"
            save(self._calibration, self._by_file(calibration))

    @property
    def id(self) -> str:
        return variant_id(self.format, self.precision)

    def make(self, recipe: Recipe) -> QuantisedFile:
        """Raises StepError when the file cannot be made or no engine runs it."""
        entry, quantised = self.quantise(recipe)
        return replace(_file(recipe, entry, quantised), outputs=self._outputs(entry))

    def make_examined(self, recipe: Recipe) -> tuple[QuantisedFile, Candidate]:
        """As `make` and `examine` in one, which runs the file once; raises StepError as `make`."""
        entry, quantised = self.quantise(recipe)
        file = _file(recipe, entry, quantised)
        candidate = self.examine(file)
        return replace(file, outputs=self._outputs_of(candidate)), candidate

    def _outputs_of(self, candidate: Candidate) -> tuple[OutputParity, ...]:
        """Where other files are measured, or as near there as it was asked."""
        engine = self._row.engine
        rows = [row for row in candidate.report.engines if row.engine == engine]
        if not any(row.outputs for row in rows):
            raise StepError(engine, next((row.error for row in rows if row.error), "it is missing"))
        return next(row.outputs for row in reversed(rows) if row.outputs)

    def quantise(self, recipe: Recipe, *, nothing_is_fine: bool = False) -> tuple[Path, Quantised]:
        """The file, which nothing has run yet; raises StepError when it cannot be made.

        nothing_is_fine: whether all of it may be float.
        """
        self._count += 1
        folder = self.choice.workspace / f"quantised-{self._count}" / self.id
        folder.mkdir(parents=True)
        quantised = self._processes.tools.ask_about(
            folder,
            f"quantising to {self.precision}",
            Quantise(
                format=self.format,
                precision=self.precision,
                entry=str(self.base.entry),
                folder=str(folder),
                calibration=None if self._calibration is None else str(self._calibration),
                calibrator=recipe.calibrator,
                keep_float=recipe.keep_float,
                float_activations=recipe.float_activations,
                per_channel=recipe.per_channel,
                nothing_is_fine=nothing_is_fine,
                io=recipe.io,
            ),
            Quantised,
        )
        return folder / quantised.entry, quantised

    def try_out(self, recipe: Recipe) -> None:
        """Raises StepError when the file cannot be made, be all of it float, or an engine refuses
        to open it."""
        entry, _ = self.quantise(recipe, nothing_is_fine=True)
        row = self._row
        with self._processes.engine(row.engine, entry) as engine:
            engine.open(row.optimisation)

    @property
    def _row(self) -> EngineParity:
        """Where the float file passed last, else its first row."""
        rows = self.base.report.engines
        return next((row for row in reversed(rows) if row.passed), rows[0])

    def _outputs(self, entry: Path) -> tuple[OutputParity, ...]:
        report, question, row = self.base.report, self.choice, self._row
        with self._processes.engine(row.engine, entry) as engine:
            engine.open(row.optimisation)
            answers = engine.run_file(question.file, report.inputs, together=question.together)
        by_name = {name: answers[theirs] for name, theirs in report.outputs.items()}
        return judge(by_name, question.expected, question.rule)

    def examine(self, file: QuantisedFile) -> Candidate:
        """The file as a candidate by the samples of the choice."""
        return self._examined(file, self.choice)

    def near(self, candidate: Candidate) -> bool:
        """Whether nothing speaks against a file that was examined, see Candidate.near_beside."""
        return candidate.near_beside(self.base)

    def sound(self, candidate: Candidate) -> bool:
        """Whether besides the samples that prove will likely say the same of it; an interval is as
        wide as one over the square root of how many samples there are."""
        chosen, proving = (len(next(iter(of.inputs.values()))) for of in (self.choice, self._proof))
        return self.near(candidate) and candidate.likely(sqrt(chosen / proving))

    def faults(self, candidate: Candidate) -> tuple[Fault, ...]:
        """Those of its errors that the float file has not, each once."""
        errors = candidate.errors_beside(self.base)
        return tuple(dict.fromkeys(error.fault for error in errors))

    @property
    def can_prove(self) -> bool:
        """Whether the samples that prove are enough for a file to be the same."""
        return len(next(iter(self._proof.inputs.values()))) >= self._proof.rule.least

    def prove(self, file: QuantisedFile, attempt: int = 1) -> Candidate:
        """The file as a candidate by the samples of the proof, which nothing was chosen by.

        attempt: how many files they have been asked of with it.
        """
        rule = replace(self._proof.rule, attempt=attempt)
        candidate = self._examined(file, replace(self._proof, rule=rule))
        given = self._by_file(self._proof.inputs)
        outside = outside_calibration(file.inputs, given, file.recipe.calibrator)
        floats = computed_in_float(self.format, self.base.entry, file.recipe.float_activations)
        return candidate.reported(findings=(*candidate.report.findings, *outside, *floats))

    def _examined(self, file: QuantisedFile, question: Question) -> Candidate:
        """Its parity, and how many of its weights are of the precision."""
        candidate, _ = examine(self.format, self.precision, question, file.entry, self.progress)
        coverage = round(file.coverage, 2)
        findings = candidate.report.findings
        if coverage < self._least_coverage:
            findings = (*findings, low_coverage(self.precision, coverage))
        return candidate.reported(
            routes=self.base.report.routes,
            coverage=coverage,
            ranges=file.ranges,
            findings=findings,
            answer="differs" if coverage < self._least_coverage else candidate.report.answer,
        )

    def trace(self, file: QuantisedFile, engine: str = "") -> tuple[TensorFidelity, ...]:
        """The tensors inside against the float file's, on 8 samples; engine: empty for any.

        Asked for a file again, as between repairs that did not help, it answers as before.
        """
        asked = file.entry, engine
        if asked not in self._traced:
            self._traced[asked] = self._trace(file, engine)
        return self._traced[asked]

    def _trace(self, file: QuantisedFile, engine: str) -> tuple[TensorFidelity, ...]:
        few = {name: array[:_TRACED_SAMPLES] for name, array in self.choice.inputs.items()}
        inputs = self.choice.workspace / "traced.npz"
        save(inputs, self._by_file(few))
        sources = beside(self.base.entry)
        return self._processes.tools.ask_about(
            file.entry.parent,
            "tracing tensors",
            Trace(
                format=self.format,
                suspect=str(file.entry),
                reference=str(self.base.entry),
                inputs=str(inputs),
                sources=str(sources) if sources.is_file() else None,
                engine=engine,
            ),
            Traced,
        ).tensors

    def _by_file(self, arrays: Arrays) -> Arrays:
        return {theirs: arrays[name] for name, theirs in self.base.report.inputs.items()}


def _file(recipe: Recipe, entry: Path, quantised: Quantised) -> QuantisedFile:
    return QuantisedFile(recipe, entry, quantised.coverage, quantised.ranges, (), quantised.inputs)
