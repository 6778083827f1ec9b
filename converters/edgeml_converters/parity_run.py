"""Parity of one converted file on every engine that is here, at every level of optimisation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy.typing as npt

from edgeml.conversion import EngineParity
from edgeml.errors import ConversionError
from edgeml.evidence import Invariant
from edgeml.faults import Fault, Finding
from edgeml.manifest import Format, Optimisation
from edgeml.parity import OutputParity, Tolerance, compare
from edgeml_converters.depth.evidence import evidence
from edgeml_converters.depth.findings import findings
from edgeml_converters.depth.invariants import invariants
from edgeml_converters.depth.layouts import moved
from edgeml_converters.depth.metrics import Metric
from edgeml_converters.engine_process import EngineProcess
from edgeml_converters.pairing import Names, input_candidates, pair_outputs
from edgeml_converters.process import StepError, StepRefused
from edgeml_converters.progress import Progress
from edgeml_runtime.engines import registry

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Question:
    """What is asked of every engine, and what the framework answered.

    file: an .npz of `inputs`; workspace: a folder for the answers and logs. slice_by: a key of the
    data and its value for each sample. metric: the task's own.
    """

    file: Path
    inputs: Arrays
    expected: Arrays
    tolerance: Tolerance
    workspace: Path
    timeout_seconds: float
    memory_bytes: int | None = None
    labels: Array | None = None
    slice_by: tuple[str, Array] | None = None
    metric: Metric | None = None

    def engine(self, name: str, entry: Path) -> EngineProcess:
        """A process for one engine and file, within this question's limits."""
        return EngineProcess(name, entry, self.workspace, self.timeout_seconds, self.memory_bytes)


@dataclass
class Parity:
    """inputs, outputs: the contract's names -> the file's; empty until an engine has run it."""

    engines: list[EngineParity] = field(default_factory=list[EngineParity])
    inputs: Names = field(default_factory=dict[str, str])
    outputs: Names = field(default_factory=dict[str, str])
    findings: list[Finding] = field(default_factory=list[Finding])
    answers: Arrays = field(default_factory=dict[str, Array])
    """Of the first engine that agreed, else of the first that ran, by the contract's names."""

    @property
    def passed(self) -> bool:
        """At least one engine agrees with the model."""
        return any(row.passed for row in self.engines)

    @property
    def unanimous(self) -> bool:
        """Every engine that is here agrees with the model, at one level at least."""
        agreeing = {row.engine for row in self.engines if row.passed}
        return self.passed and agreeing == {row.engine for row in self.engines}

    @property
    def snr_db(self) -> float:
        """The worst output's on the engine that does best; infinite where exact."""
        return max((worst_snr(row.outputs) for row in self.engines if row.outputs), default=-1e9)

    def fault(self) -> str | None:
        """Why it is not unanimous, in words."""
        if self.unanimous:
            return None
        if not self.engines:
            return "no engine for it is installed; see 'edgeml doctor'"
        agreeing = {row.engine for row in self.engines if row.passed}
        failed = [row for row in self.engines if row.engine not in agreeing]
        for row in failed:
            for output in row.outputs:
                if not output.passed:
                    return f"{row.engine} gives {describe(output)}"
            broken = next((i for i in _invariants(row) if not i.passed), None)
            if broken is not None:
                return f"{row.engine}: {broken.message}"
        return f"{failed[0].engine} could not run it: {failed[0].error}"


def describe(output: OutputParity) -> str:
    """An output out of tolerance, in words."""
    if output.max_abs is None:
        return f"NaN, infinity or another shape in {output.name!r}"
    shown = [] if output.cosine is None else [f"cosine {output.cosine:.6f}"]
    shown += [] if output.top1 is None else [f"top-1 {output.top1:.4f}"]
    if output.max_abs <= output.limit_abs:
        return f"too low {' or '.join(shown)} in {output.name!r}"
    return (
        f"max abs {output.max_abs:.3g} in {output.name!r} where {output.limit_abs:.3g} is allowed"
        + (f" ({', '.join(shown)})" if shown else "")
    )


def worst_snr(rows: tuple[OutputParity, ...]) -> float:
    """In dB; infinite where every output is exact, far below any where one is not finite."""
    return min(
        -1e9 if r.max_abs is None else float("inf") if r.snr_db is None else r.snr_db for r in rows
    )


def show_parity(
    entry: Path, form: Format, question: Question, progress: Progress, batch: int | None = None
) -> Parity:
    """Runs the file on every installed engine of its format and compares all outputs.

    batch: the size that the file is frozen to, if it is.
    """
    parity = Parity()
    for name in registry.ENGINES:
        if registry.engine_class(name).format == form:
            with (
                progress(f"parity of {entry.parent.name} on {name}"),
                question.engine(name, entry) as engine,
            ):
                _Matrix(engine, question, parity, batch).show()
    return parity


class _Matrix:
    """One engine's rows: a level of optimisation each, the highest first."""

    def __init__(
        self, engine: EngineProcess, question: Question, parity: Parity, batch: int | None
    ) -> None:
        self._engine = engine
        self._question = question
        self._parity = parity
        self._batch = batch
        self._rows: list[EngineParity] = []
        self._crashed: list[Optimisation] = []
        self._answers: dict[str, Arrays] = {}
        self._version = ""

    def show(self) -> None:
        for level in registry.engine_class(self._engine.engine).optimisations:
            try:
                self._rows.append(self._row(level))
            except StepError as error:
                if isinstance(error, StepRefused) and error.failure.kind == "EngineMissing":
                    return
                if not isinstance(error, StepRefused):
                    self._crashed.append(level)
                self._rows.append(self._did_not_run(level, error.reason))
            except ConversionError as error:
                self._rows.append(self._did_not_run(level, str(error)))
        self._look_deeper()
        self._name_levels()
        self._parity.engines.extend(self._rows)

    def _row(self, level: Optimisation) -> EngineParity:
        opened = self._engine.open(level)
        self._version = opened.version
        parity, question = self._parity, self._question
        candidates = [parity.inputs] if parity.inputs else input_candidates(
            question.inputs, opened.inputs
        )  # fmt: skip
        inputs, found = self._best(candidates)
        outputs = parity.outputs or pair_outputs(found, question.expected, question.tolerance)
        if not found.keys() >= set(outputs.values()):
            raise ConversionError(
                f"{self._engine.engine} calls the outputs {', '.join(found)} where another engine "
                f"calls them {', '.join(outputs.values())}"
            )
        parity.inputs, parity.outputs = inputs, outputs
        answers = {name: found[theirs] for name, theirs in outputs.items()}
        self._answers[level] = answers
        rows = tuple(
            compare(name, answers[name], expected, question.tolerance)
            for name, expected in question.expected.items()
        )
        return EngineParity(
            engine=self._engine.engine,
            version=opened.version,
            optimisation=level,
            outputs=rows,
            passed=all(row.passed for row in rows),
        )

    def _best(self, candidates: list[Names]) -> tuple[Names, dict[str, Array]]:
        """The first pairing of inputs whose answers are right, else the first one."""
        answers: list[tuple[Names, dict[str, Array]]] = []
        for names in candidates:
            answers.append((names, self._engine.run_file(self._question.file, names)))
            if len(candidates) == 1 or self._agrees(answers[-1][1]):
                return answers[-1]
        return answers[0]

    def _agrees(self, found: Arrays) -> bool:
        question = self._question
        pairs = pair_outputs(found, question.expected, question.tolerance)
        return all(
            compare(name, found[theirs], question.expected[name], question.tolerance).passed
            for name, theirs in pairs.items()
        )

    def _did_not_run(self, level: Optimisation, reason: str) -> EngineParity:
        return EngineParity(
            engine=self._engine.engine, version=self._version, optimisation=level, outputs=(),
            passed=False, error=reason,
        )  # fmt: skip

    def _look_deeper(self) -> None:
        """Evidence at the level that will be used; what fails there fails at every level."""
        ran = [row for row in self._rows if row.outputs]
        if not ran:
            return
        chosen = next((row for row in ran if row.passed), ran[0])
        question, answers = self._question, self._answers[chosen.optimisation]
        if not self._parity.answers or (chosen.passed and not self._parity.passed):
            self._parity.answers = answers
        deep = evidence(
            answers, question.expected, question.labels, question.slice_by, question.metric
        )
        try:
            held = self._held(chosen, answers)
        except StepError as error:
            self._rows[self._rows.index(chosen)] = self._did_not_run(
                chosen.optimisation, error.reason
            )
            return
        deep = msgspec.structs.replace(deep, invariants=held)
        permuted = self._parity.outputs.keys() == set(self._parity.outputs.values()) and any(
            ours != theirs for ours, theirs in self._parity.outputs.items()
        )
        self._parity.findings.extend(moved(answers, question.expected, self._engine.engine))
        self._parity.findings.extend(
            findings(chosen.outputs, held, deep, self._engine.engine, permuted)
        )
        broken = not all(invariant.passed for invariant in held)
        for index, row in enumerate(self._rows):
            self._rows[index] = msgspec.structs.replace(
                row,
                passed=row.passed and not broken,
                evidence=deep if row is chosen else None,
            )

    def _held(self, row: EngineParity, answers: Arrays) -> tuple[Invariant, ...]:
        self._engine.open(row.optimisation)
        names, outputs = self._parity.inputs, self._parity.outputs

        def run(arrays: Arrays) -> dict[str, Array]:
            found = self._engine.run(arrays, names)
            return {name: found[theirs] for name, theirs in outputs.items()}

        limits = {output.name: output.limit_abs for output in row.outputs}
        question = self._question
        return invariants(run, question.inputs, answers, question.expected, self._batch, limits)

    def _name_levels(self) -> None:
        """What goes wrong at one level of optimisation and not at another."""
        name = self._engine.engine
        passed = next((row.optimisation for row in self._rows if row.passed), None)
        wrong = [row.optimisation for row in self._rows if row.outputs and not row.passed]
        if passed is not None and wrong:
            self._parity.findings.append(
                Finding(
                    fault=Fault.WRONG_VALUES,
                    severity="warning",
                    message=f"{name} differs at graph optimisation {', '.join(wrong)}, but not at "
                    f"{passed}; the package names {passed}, and a device uses it.",
                    engines=(name,),
                )
            )
        if not self._crashed:
            return
        levels = ", ".join(self._crashed)
        if passed is not None:
            finding = Finding(
                fault=Fault.OPTIMISER_CRASH,
                severity="warning",
                message=f"{name} crashes at graph optimisation {levels}, but not at {passed}; the "
                f"package names {passed}, and a device uses it.",
                engines=(name,),
            )
        else:
            finding = Finding(
                fault=Fault.ENGINE_CRASH,
                severity="error",
                message=f"{name} ends its process on this file ({levels}); choose another variant.",
                engines=(name,),
            )
        self._parity.findings.append(finding)


def _invariants(row: EngineParity) -> tuple[Invariant, ...]:
    return row.evidence.invariants if row.evidence else ()
