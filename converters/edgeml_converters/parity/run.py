"""Parity of one converted file on every engine that is here, at every level of optimisation."""

from pathlib import Path

import msgspec

from edgeml.conversion import EngineParity
from edgeml.errors import ConversionError
from edgeml.evidence import Invariant
from edgeml.faults import Fault, Finding
from edgeml.manifest import Format, Optimisation
from edgeml.parity import compare
from edgeml_converters.evidence.evidence import evidence
from edgeml_converters.formats.tensors import Array, Arrays, Names
from edgeml_converters.parity.comparisons import differences
from edgeml_converters.parity.findings import findings
from edgeml_converters.parity.invariants import invariants
from edgeml_converters.parity.layouts import moved
from edgeml_converters.parity.outcome import Parity
from edgeml_converters.parity.pairing import listed, pair_inputs, pair_outputs
from edgeml_converters.parity.question import Question
from edgeml_converters.progress import Progress
from edgeml_converters.steps.engine import EngineProcess
from edgeml_converters.steps.messages import Opened
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
                progress(f"parity of {entry.parent.name} on {name}"),
                question.engine(name, entry) as engine,
            ):
                _Matrix(engine, question, parity, batch).show()
    return parity


def _candidates(inputs: Arrays, opened: Opened) -> list[Names]:
    """Raises ConversionError where no pairing of the inputs fits."""
    candidates = pair_inputs(inputs, [tensor.as_input() for tensor in opened.inputs])
    names = [tensor.name for tensor in opened.inputs]
    if not candidates and set(inputs) == set(names):
        return [{name: name for name in inputs}]  # the engine says best what does not fit
    if not candidates:
        raise ConversionError(
            f"the converted file takes {listed(names)} where the model takes {listed(inputs)}"
        )
    return candidates


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
                if isinstance(error, StepRefused) and error.engine_missing:
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
        candidates = [parity.inputs] if parity.inputs else _candidates(question.inputs, opened)
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
        added = differences(answers, question.expected, self._engine.engine)
        self._parity.findings.extend(added)
        self._parity.findings.extend(
            findings(chosen.outputs, held, deep, self._engine.engine, permuted)
        )
        broken = bool(added) or not all(invariant.passed for invariant in held)
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
