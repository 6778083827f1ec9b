"""Parity of one converted file on every engine that is here, at every level of optimisation."""

from pathlib import Path

import msgspec
import numpy as np

from edgeml.conversion import EngineParity
from edgeml.errors import ConversionError
from edgeml.evidence import Evidence
from edgeml.manifest import Format, Optimisation
from edgeml.parity.answers import ORDER, Answer, OutputParity, worst
from edgeml_converters.evidence.evidence import evidence
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.parity.comparisons import differences
from edgeml_converters.parity.findings import findings
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.layouts import permuted_layouts
from edgeml_converters.parity.levels import level_findings
from edgeml_converters.parity.outcome import Parity
from edgeml_converters.parity.paired import PairedEngine
from edgeml_converters.parity.question import Question
from edgeml_converters.parity.streams import judge_steps
from edgeml_converters.progress import Progress
from edgeml_converters.steps.process import StepError, StepRefused
from edgeml_runtime.engines import registry


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
                progress(f"parity on {name}"),
                question.processes.engine(name, entry) as engine,
            ):
                paired = PairedEngine(engine, question, parity)
                _EngineRows(paired, question, parity, batch).show()
    return parity


class _EngineRows:
    """One engine's rows of `parity`: one for each level of optimisation, the highest first."""

    def __init__(
        self, engine: PairedEngine, question: Question, parity: Parity, batch: int | None
    ) -> None:
        self._engine = engine
        self._question = question
        self._parity = parity
        self._batch = batch
        self._rows: list[EngineParity] = []
        self._crashed: list[Optimisation] = []
        self._answers: dict[Optimisation, Arrays] = {}

    def show(self) -> None:
        """Adds the rows and findings to `parity`; nothing where the engine is not installed.

        Where nobody sees the rows, one level that agrees is enough.
        """
        for level in registry.engine_class(self._engine.name).optimisations:
            try:
                self._rows.append(row := self._row(level))
                if row.passed and not self._question.shown:
                    break
            except StepError as error:
                if isinstance(error, StepRefused) and error.engine_missing:
                    return
                if not isinstance(error, StepRefused):
                    self._crashed.append(level)
                self._rows.append(self._did_not_run(level, error.reason))
            except ConversionError as error:
                self._rows.append(self._did_not_run(level, str(error)))
        self._gather_evidence()
        self._parity.findings.extend(level_findings(self._engine.name, self._rows, self._crashed))
        self._parity.engines.extend(self._rows)

    def _row(self, level: Optimisation) -> EngineParity:
        answers = self._engine.answers(level)
        rows = self._judged(answers)
        self._answers[level] = answers
        return EngineParity(
            engine=self._engine.name,
            version=self._engine.version,
            optimisation=level,
            outputs=rows,
            answer=worst(row.answer for row in rows),
        )

    def _judged(self, answers: Arrays) -> tuple[OutputParity, ...]:
        """Those of another level where the answers are the same numbers, which is often so and
        takes no time to see."""
        for row in self._rows:
            before = self._answers.get(row.optimisation, {})
            if before.keys() == answers.keys() and all(
                np.array_equal(before[name], array) for name, array in answers.items()
            ):
                return row.outputs
        return judge(answers, self._question.expected, self._question.rule)

    def _did_not_run(self, level: Optimisation, reason: str) -> EngineParity:
        return EngineParity(
            engine=self._engine.name, version=self._engine.version, optimisation=level, outputs=(),
            answer="differs", error=reason,
        )  # fmt: skip

    def _gather_evidence(self) -> None:
        """Evidence at the level that will be used; what fails there fails at every level."""
        ran = [row for row in self._rows if row.outputs]
        if not ran:
            return
        chosen = min(ran, key=lambda row: ORDER.index(row.answer))
        name, question = self._engine.name, self._question
        answers = self._answers[chosen.optimisation]
        self._parity.answers_by_engine[name] = answers
        if not self._parity.answers or (chosen.passed and not self._parity.passed):
            self._parity.answers = answers
        figures = self._evidence(answers) if question.shown else Evidence(outputs=())
        try:
            invariants = self._engine.invariants(chosen, answers, self._batch)
            fed_back = self._fed_back(chosen)
        except StepError as error:
            self._rows[self._rows.index(chosen)] = self._did_not_run(
                chosen.optimisation, error.reason
            )
            return
        figures = msgspec.structs.replace(figures, invariants=invariants)
        added = differences(answers, question.expected, name)
        self._parity.findings += [
            *permuted_layouts(answers, question.expected, name),
            *added,
            *findings(
                (*chosen.outputs, *fed_back),
                invariants,
                figures,
                name,
                self._parity.permuted_names,
                question.rule.exact or question.rule.exported,
            ),
        ]
        broken = bool(added) or not all(invariant.passed for invariant in invariants)
        of_steps: list[Answer] = [output.answer for output in fed_back]
        for index, row in enumerate(self._rows):
            self._rows[index] = msgspec.structs.replace(
                row,
                answer="differs" if broken else worst((row.answer, *of_steps)),
                fed_back=fed_back if row is chosen else (),
                evidence=figures if row is chosen else None,
            )

    def _evidence(self, answers: Arrays) -> Evidence:
        question = self._question
        return evidence(
            answers,
            question.expected,
            question.labels,
            question.slice_by,
            question.metric,
            class_axes=question.rule.class_axes(question.expected),
        )

    def _fed_back(self, chosen: EngineParity) -> tuple[OutputParity, ...]:
        stream = self._question.stream
        if stream is None:
            return ()
        answers = self._engine.steps(chosen.optimisation, stream)
        return judge_steps(answers, stream.expected, stream.feedback.starts, self._question.rule)
