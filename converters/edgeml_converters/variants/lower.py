"""A variant of lower precision: made of the float file, chosen by what data unseen by it say."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from edgeml.conversion import CalibratorTried, RepairTried
from edgeml.evidence import TensorFidelity
from edgeml.faults import Fault, Finding
from edgeml.manifest import Format, Precision
from edgeml.parity import compare
from edgeml_converters.bisect.around import around
from edgeml_converters.bisect.culprit import FLOORS_DB, culprit
from edgeml_converters.bisect.repairs import Repair, repairs
from edgeml_converters.formats.npz import save
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.parity.question import Question, worst_snr
from edgeml_converters.progress import Progress
from edgeml_converters.quantise import CALIBRATORS
from edgeml_converters.steps.messages import Converted, Quantise, Quantised, Trace, Traced
from edgeml_converters.steps.process import Restarting, StepError
from edgeml_converters.variants.float import Made, examine, variant_id

MIN_COVERAGE_PERCENT = 50.0
"""Below it a variant is of its precision in name only."""
_TRACED_SAMPLES = 8
_REPAIRS_MAX = 6


@dataclass(frozen=True)
class Recipe:
    """How a file is quantised."""

    calibrator: str | None = None
    keep_float: tuple[str, ...] = ()
    per_channel: bool = True

    def with_repair(self, repair: Repair) -> "Recipe":
        return Recipe(
            calibrator=repair.calibrator or self.calibrator,
            keep_float=tuple(dict.fromkeys((*self.keep_float, *repair.keep_float))),
            per_channel=self.per_channel if repair.per_channel is None else repair.per_channel,
        )


@dataclass(frozen=True)
class _File:
    """A quantised file and how near it is to the model."""

    recipe: Recipe
    folder: Path
    made: Quantised
    snr_db: float


class Quantiser:
    """Makes one variant. calibration: inputs by the contract's names, for static int8."""

    def __init__(
        self,
        base: Made,
        precision: Precision,
        question: Question,
        calibration: Arrays | None,
        progress: Progress,
        *,
        repair: bool = True,
        tools: Restarting | None = None,
    ) -> None:
        """repair: whether to mend what differs. tools: the process that quantises and traces."""
        self._base = base
        self._format: Format = base.report.format
        self._precision: Precision = precision
        self._question = question
        self._progress = progress
        self._repair = repair
        self._count = 0
        self._calibration: Path | None = None
        if precision == "int8" and calibration is not None:
            self._calibration = question.workspace / f"calibration-{self._format}.npz"
            save(self._calibration, self._by_file(calibration))
        self._tools = tools or Restarting(
            question.workspace / "quantise.log", question.memory_bytes
        )

    def make(self) -> Made:
        """Tries every calibrator, keeps the best, repairs it where it does not agree."""
        with self._tools:
            files, tried = self._calibrate()
            if not files:
                return self._nothing(tried)
            best = max(files, key=lambda file: file.snr_db)
            made = self._complete(best)
            mended: list[RepairTried] = []
            if self._repair and not made.sound:
                made, best, mended = self._mended(made, best)
            return made.reported(
                calibrators=tuple(tried) if self._precision == "int8" else (),
                repairs=tuple(mended),
                tensors=self._traced(best),
            )

    def _calibrate(self) -> tuple[list[_File], list[CalibratorTried]]:
        names = CALIBRATORS[self._format] if self._precision == "int8" else (None,)
        files: list[_File] = []
        tried: list[CalibratorTried] = []
        for name in names:
            title = f"{variant_id(self._format, self._precision)}" + (f" by {name}" if name else "")
            try:
                with self._progress(title):
                    file = self._quantised(Recipe(calibrator=name))
            except StepError as error:
                tried.append(CalibratorTried(name=name or self._precision, error=error.reason))
                continue
            files.append(file)
            tried.append(CalibratorTried(name=name or self._precision, snr_db=_decibel(file)))
        tried.sort(
            key=lambda t: (t.error is not None, -(t.snr_db if t.snr_db is not None else 1e9))
        )
        return files, tried

    def _quantised(self, recipe: Recipe) -> _File:
        """Raises StepError when the file cannot be made or no engine runs it."""
        self._count += 1
        identity = variant_id(self._format, self._precision)
        folder = self._question.workspace / f"quantised-{self._count}" / identity
        folder.mkdir(parents=True)
        made = self._tools.ask(
            f"quantising to {self._precision}",
            Quantise(
                format=self._format,
                precision=self._precision,
                entry=str(self._base.entry),
                folder=str(folder),
                calibration=None if self._calibration is None else str(self._calibration),
                calibrator=recipe.calibrator,
                keep_float=recipe.keep_float,
                per_channel=recipe.per_channel,
            ),
            Quantised,
            self._question.timeout_seconds,
        )
        return _File(recipe, folder, made, self._snr(folder / made.entry))

    def _snr(self, entry: Path) -> float:
        """In dB, of the worst output, on the engine on which the float file did best."""
        report, question = self._base.report, self._question
        row = next((r for r in reversed(report.engines) if r.passed), report.engines[0])
        with question.engine(row.engine, entry) as engine:
            engine.open(row.optimisation)
            found = engine.run_file(question.file, report.inputs)
        return worst_snr(
            tuple(
                compare(name, found[theirs], question.expected[name], question.tolerance)
                for name, theirs in report.outputs.items()
            )
        )

    def _complete(self, file: _File) -> Made:
        converted = Converted(entry=file.made.entry, batch=self._base.report.batch)
        made, _ = examine(
            self._format, self._precision, self._question, file.folder, converted, self._progress
        )
        coverage = round(file.made.coverage, 2)
        found = made.report.findings
        if coverage < MIN_COVERAGE_PERCENT:
            found = (*found, _low_coverage(self._precision, coverage))
        return made.reported(
            routes=self._base.report.routes,
            coverage=coverage,
            ranges=file.made.ranges,
            findings=found,
            passed=made.report.passed and coverage >= MIN_COVERAGE_PERCENT,
        )

    def _mended(self, made: Made, best: _File) -> tuple[Made, _File, list[RepairTried]]:
        """The best that repairs give; each builds on the one before where that helped."""
        tried: list[RepairTried] = []
        done: set[Recipe] = {best.recipe}
        while len(tried) < _REPAIRS_MAX and not made.sound:
            step = self._next_repair(made, best, done)
            if step is None:
                break
            repair, recipe = step
            done.add(recipe)
            wrong = made.faults
            try:
                with self._progress(f"repair: {repair.action}"):
                    file = self._quantised(recipe)
                candidate = self._complete(file)
            except StepError:
                tried.append(
                    RepairTried(faults=wrong, action=repair.action, snr_db=None, kept=False)
                )
                continue
            better = _rank(candidate, file) > _rank(made, best)
            tried.append(
                RepairTried(faults=wrong, action=repair.action, snr_db=_decibel(file), kept=better)
            )
            if better:
                made, best = candidate, file
        return made, best, tried

    def _next_repair(
        self, made: Made, best: _File, done: set[Recipe]
    ) -> tuple[Repair, Recipe] | None:
        try:
            bad = culprit(self._traced(best, made.doubted), FLOORS_DB[self._precision])
        except StepError:
            bad = None
        near = None if bad is None else around(self._format, self._base.entry, bad.name)
        for repair in repairs(
            self._format,
            self._precision,
            bad,
            made.report.findings,
            best.recipe.per_channel,
            around=near,
        ):
            recipe = best.recipe.with_repair(repair)
            if recipe not in done:
                return repair, recipe
        return None

    def _traced(self, file: _File, engine: str = "") -> tuple[TensorFidelity, ...]:
        """The tensors inside against the float file's, on a few samples, on one of the engines."""
        few = {name: array[:_TRACED_SAMPLES] for name, array in self._question.inputs.items()}
        inputs = self._question.workspace / "traced.npz"
        save(inputs, self._by_file(few))
        sources = self._base.entry.parent.parent / "sources.json"
        return self._tools.ask(
            "tracing tensors",
            Trace(
                format=self._format,
                suspect=str(file.folder / file.made.entry),
                reference=str(self._base.entry),
                inputs=str(inputs),
                sources=str(sources) if sources.is_file() else None,
                engine=engine,
            ),
            Traced,
            self._question.timeout_seconds,
        ).tensors

    def _by_file(self, arrays: Arrays) -> Arrays:
        return {theirs: arrays[name] for name, theirs in self._base.report.inputs.items()}

    def _nothing(self, tried: list[CalibratorTried]) -> Made:
        report = msgspec.structs.replace(
            self._base.report, id=variant_id(self._format, self._precision), passed=False,
            precision=self._precision, tolerance=self._question.tolerance, engines=(), files=(),
            entry="", size=0, findings=(), tensors=(), calibrators=tuple(tried),
        )  # fmt: skip
        return Made(report, None)


def _decibel(file: _File) -> float | None:
    return None if file.snr_db == float("inf") else file.snr_db


def _rank(made: Made, file: _File) -> tuple[bool, int, int, float]:
    """More is better: passed, engines that agree, fewer errors, signal to noise."""
    return made.report.passed, len(made.agreeing), -len(made.faults), file.snr_db


def _low_coverage(precision: Precision, coverage: float) -> Finding:
    return Finding(
        fault=Fault.LOW_COVERAGE,
        severity="error",
        message=f"Only {coverage:.1f} % of the weights' bytes are {precision} where at least "
        f"{MIN_COVERAGE_PERCENT:.0f} % make it worth its name; choose another precision.",
    )
