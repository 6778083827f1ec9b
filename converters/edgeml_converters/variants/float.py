"""The float file of a format: routes in turn until one gives a file that says the same."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy.typing as npt

from edgeml import digests
from edgeml.conversion import RouteTried, VariantReport
from edgeml.faults import Fault
from edgeml.manifest import Format, Precision
from edgeml.parity import Tolerance
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.lint import lint
from edgeml_converters.outcome.folder import copy_files
from edgeml_converters.parity.question import Parity, Question
from edgeml_converters.parity.run import show_parity
from edgeml_converters.progress import Progress
from edgeml_converters.routes.table import routes_for
from edgeml_converters.steps.messages import Converted
from edgeml_converters.steps.model import ModelProcess
from edgeml_converters.steps.process import StepError


@dataclass(frozen=True)
class Made:
    """A variant's report, and the folder that holds its files; None where no route gave one.

    answers: to all samples, by the contract's names; empty where no engine ran it.
    """

    report: VariantReport
    folder: Path | None
    answers: Arrays = field(default_factory=dict[str, npt.NDArray[Any]])

    @property
    def agreeing(self) -> set[str]:
        """The engines that say what the model says, at one level at least."""
        return {row.engine for row in self.report.engines if row.passed}

    @property
    def doubted(self) -> str:
        """The first engine that ran the file and never agreed; empty where there is none."""
        ran = [row.engine for row in self.report.engines if row.outputs]
        return next((engine for engine in ran if engine not in self.agreeing), "")

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What speaks against the file, each once."""
        found = [f.fault for f in self.report.findings if f.severity == "error"]
        return tuple(dict.fromkeys(found))

    @property
    def sound(self) -> bool:
        """Every engine that is here agrees, and nothing is known to be wrong."""
        every = {row.engine for row in self.report.engines}
        return self.report.passed and self.agreeing == every and not self.faults

    def reported(self, **changes: object) -> "Made":
        """The same with these changes to its report."""
        return replace(self, report=msgspec.structs.replace(self.report, **changes))

    @property
    def entry(self) -> Path:
        assert self.folder is not None
        return self.folder.parent / self.report.entry


def make_float(target: Format, model: ModelProcess, question: Question, progress: Progress) -> Made:
    """The fp32 variant, in a folder of the question's workspace.

    A file out of tolerance is kept, for people to look at, when no later route gives a better one.
    """
    identity = variant_id(target, "fp32")
    tried: list[RouteTried] = []
    kept: Made | None = None
    for key, route in routes_for(model.load().form, target).items():
        folder = question.workspace / key / identity
        try:
            with progress(route.title):
                converted = model.convert(
                    key, route, question.inputs, tuple(question.expected), folder
                )
        except StepError as error:
            tried.append(RouteTried(route=key, error=error.reason))
            continue
        made, parity = examine(target, "fp32", question, folder, converted, progress)
        tried.append(RouteTried(route=key, error=parity.fault()))
        if kept is None or parity.unanimous or (parity.passed and not kept.report.passed):
            kept = made
        if parity.unanimous:
            break
    if kept is None:
        kept = Made(
            VariantReport(
                id=identity, format=target, precision="fp32", passed=False,
                tolerance=question.tolerance, routes=(),
            ),
            None,
        )  # fmt: skip
    return kept.reported(routes=tuple(tried))


def variant_id(target: Format, precision: Precision) -> str:
    return f"{target}-{precision}"


def examine(
    target: Format,
    precision: Precision,
    question: Question,
    folder: Path,
    converted: Converted,
    progress: Progress,
) -> tuple[Made, Parity]:
    """What is known of a file: what is seen in it before it runs, and what every engine says."""
    identity = variant_id(target, precision)
    files = sorted(file for file in folder.iterdir())
    entry = folder / converted.entry
    seen = lint(target, entry)
    parity = show_parity(entry, target, question, progress, converted.batch)
    found = (*seen, *parity.findings)
    everywhere = any(f.severity == "error" and not f.engines for f in found)
    report = VariantReport(
        id=identity,
        format=target,
        precision=precision,
        passed=parity.passed and not everywhere,
        tolerance=question.tolerance,
        routes=(),
        engines=tuple(parity.engines),
        files=tuple(f"{identity}/{file.name}" for file in files),
        entry=f"{identity}/{converted.entry}",
        inputs=parity.inputs,
        outputs=parity.outputs,
        batch=converted.batch,
        size=sum(file.stat().st_size for file in files),
        sha256={f"{identity}/{file.name}": digests.sha256_file(file) for file in files},
        findings=found,
    )
    return Made(report, folder, parity.answers), parity


def ship(made: Made, build: Path) -> None:
    """Copies a variant's files to where the conversion is built."""
    if made.folder is not None:
        copy_files(made.folder, build / made.report.id)


# What counts as the same, by precision: a lower one may differ more, but decide no other way.
TOLERANCES: dict[Precision, Tolerance] = {
    "fp32": Tolerance(),
    "fp16": Tolerance(max_abs=1e-2, min_cosine=0.999, min_top1=0.99),
    "int8-weights": Tolerance(max_abs=5e-2, min_cosine=0.995, min_top1=0.97),
    "int8-dynamic": Tolerance(max_abs=0.1, min_cosine=0.99, min_top1=0.95),
    "int8": Tolerance(max_abs=0.25, min_cosine=0.97, min_top1=0.95),
}
