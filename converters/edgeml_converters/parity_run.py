"""Parity of one converted file on every engine that is here, each in a process of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy.typing as npt

from edgeml.conversion import EngineParity
from edgeml.errors import ConversionError
from edgeml.manifest import Format
from edgeml.parity import OutputParity, Tolerance, compare
from edgeml_converters.data import load
from edgeml_converters.messages import Done, Open, Opened, Run
from edgeml_converters.pairing import Names, input_candidates, pair_outputs
from edgeml_converters.process import StepError, StepRefused, Worker
from edgeml_converters.progress import Progress
from edgeml_runtime.engines import registry

Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Question:
    """What is asked of every engine, and what the framework answered.

    file: an .npz of `inputs`; workspace: a folder for the answers and logs.
    """

    file: Path
    inputs: Arrays
    expected: Arrays
    tolerance: Tolerance
    workspace: Path
    timeout_seconds: float


@dataclass
class Parity:
    """inputs, outputs: the contract's names -> the file's; empty until an engine has run it."""

    engines: list[EngineParity] = field(default_factory=list[EngineParity])
    inputs: Names = field(default_factory=dict[str, str])
    outputs: Names = field(default_factory=dict[str, str])

    @property
    def passed(self) -> bool:
        """At least one engine ran the file, and every engine that ran it agreed."""
        ran = [engine for engine in self.engines if engine.error is None]
        return bool(ran) and all(engine.passed for engine in ran)

    def fault(self) -> str | None:
        """Why it did not pass, in words."""
        if self.passed:
            return None
        if not self.engines:
            return "no engine for it is installed; see 'edgeml doctor'"
        for engine in self.engines:
            for output in engine.outputs:
                if not output.passed:
                    return f"{engine.engine} gives {describe(output)}"
        return f"{self.engines[0].engine} could not run it: {self.engines[0].error}"


def describe(output: OutputParity) -> str:
    """An output out of tolerance, in words."""
    if output.max_abs is None:
        return f"NaN, infinity or another shape in {output.name!r}"
    return (
        f"max abs {output.max_abs:.3g} in {output.name!r} where {output.limit_abs:.3g} is allowed "
        f"(cosine {output.cosine:.6f}"
        + (f", top-1 {output.top1:.4f})" if output.top1 is not None else ")")
    )


def show_parity(entry: Path, form: Format, question: Question, progress: Progress) -> Parity:
    """Runs the file on every installed engine of its format and compares all outputs."""
    parity = Parity()
    for name in registry.ENGINES:
        if registry.engine_class(name).format == form:
            with progress(f"parity of {entry.parent.name} on {name}"):
                _show(entry, name, question, parity)
    return parity


def _show(entry: Path, engine: str, question: Question, parity: Parity) -> None:
    version = ""
    try:
        with Worker(question.workspace / f"{engine}.log") as worker:
            opened = worker.ask(
                f"opening {entry.name} in {engine}",
                Open(engine=engine, entry=str(entry)),
                Opened,
                question.timeout_seconds,
            )
            version = opened.version
            candidates = (
                [parity.inputs]
                if parity.inputs
                else input_candidates(question.inputs, opened.inputs)
            )
            inputs, found = _best(worker, engine, candidates, question)
        outputs = parity.outputs or pair_outputs(found, question.expected, question.tolerance)
        if not found.keys() >= set(outputs.values()):
            raise ConversionError(f"{engine} calls the outputs {', '.join(found)}")
    except ConversionError as error:
        if isinstance(error, StepRefused) and error.failure.kind == "EngineMissing":
            return
        reason = error.reason if isinstance(error, StepError) else str(error)
        parity.engines.append(
            EngineParity(engine=engine, version=version, outputs=(), passed=False, error=reason)
        )
        return
    rows = tuple(
        compare(name, found[theirs], question.expected[name], question.tolerance)
        for name, theirs in outputs.items()
    )
    parity.inputs, parity.outputs = inputs, outputs
    parity.engines.append(
        EngineParity(
            engine=engine, version=version, outputs=rows, passed=all(row.passed for row in rows)
        )
    )


def _best(
    worker: Worker, engine: str, candidates: list[Names], question: Question
) -> tuple[Names, dict[str, npt.NDArray[Any]]]:
    """The first pairing of inputs whose answers are right, else the first one."""
    answers: list[tuple[Names, dict[str, npt.NDArray[Any]]]] = []
    for names in candidates:
        into = question.workspace / f"{engine}.npz"
        worker.ask(
            f"predicting with {engine}",
            Run(inputs=str(question.file), names=names, into=str(into)),
            Done,
            question.timeout_seconds,
        )
        answers.append((names, load(into)))
        found = answers[-1][1]
        if len(candidates) == 1 or _agrees(found, question):
            return answers[-1]
    return answers[0]


def _agrees(found: Arrays, question: Question) -> bool:
    pairs = pair_outputs(found, question.expected, question.tolerance)
    return all(
        compare(name, found[theirs], question.expected[name], question.tolerance).passed
        for name, theirs in pairs.items()
    )
