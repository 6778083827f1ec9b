"""What may become a variant: all that is known of it, and where its files are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy.typing as npt

from edgeml.conversion import VariantReport
from edgeml.faults import Fault, Finding
from edgeml.manifest import Format, Precision
from edgeml_converters.formats.tensors import Arrays, Integers
from edgeml_converters.outcome.folder import copy_files


@dataclass(frozen=True)
class Candidate:
    """report: the variant's. folder: of its files; None where there is none.

    answers: to all samples, by the contract's names; empty where no engine ran it.
    answers_by_engine: of each engine that ran it, at the level that will be used.
    integers: its inputs and outputs that are no floats, though the model's are.
    """

    report: VariantReport
    folder: Path | None
    answers: Arrays = field(default_factory=dict[str, npt.NDArray[Any]])
    answers_by_engine: Mapping[str, Arrays] = field(default_factory=dict[str, Arrays])
    integers: Integers = field(default_factory=Integers)

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
    def errors(self) -> tuple[Finding, ...]:
        """What is wrong with it; what cannot be told is not."""
        return tuple(
            finding
            for finding in self.report.findings
            if finding.severity == "error" and finding.fault is not Fault.UNDECIDED
        )

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Those of its errors, each once."""
        return tuple(dict.fromkeys(error.fault for error in self.errors))

    @property
    def standing(self) -> tuple[bool, bool, int, int]:
        """More is better: of its precision by more than its name, since it is refused else; not
        different, engines that do not differ, fewer errors."""
        engines = {row.engine for row in self.report.engines if row.answer != "differs"}
        return (
            Fault.LOW_COVERAGE not in self.faults,
            self.report.answer != "differs",
            len(engines),
            -len(self.faults),
        )

    def errors_beside(self, base: "Candidate") -> tuple[Finding, ...]:
        """Those that the float file has not."""
        known = {(error.fault, error.where) for error in base.errors}
        return tuple(one for one in self.errors if (one.fault, one.where) not in known)

    def near_beside(self, base: "Candidate") -> bool:
        """By what was seen, whether or not it is enough to tell, every engine agrees that runs the
        file, or that agreed on the float file, and no finding is an error that that has not."""
        rows = self.report.engines
        asked = base.agreeing | {row.engine for row in rows if row.outputs}
        near = {row.engine for row in rows if row.near} - {row.engine for row in rows if row.drifts}
        return asked <= near and not self.errors_beside(base)

    def likely(self, width: float) -> bool:
        """Whether other samples would say the same of it on every engine that runs it.

        width: of intervals by those, beside the intervals by the samples that were seen.
        """
        ran = [row for row in self.report.engines if row.outputs]
        return {row.engine for row in ran} == {row.engine for row in ran if row.likely(width)} and (
            all(row.likely_fed_back for row in ran)
        )

    @property
    def too_noisy(self) -> bool:
        """Whether it is not the same, and less noise may make it so: nothing but values is wrong,
        and no word of people's is waited for."""
        outputs = [one for row in self.report.engines for _, one in row.judged]
        figures = [figure for output in outputs for figure in output.figures]
        missed = [figure for figure in figures if figure.answer != "same"]
        return (
            not self.report.passed
            and set(self.faults) <= {Fault.WRONG_VALUES}
            and bool(missed)
            and not any(figure.waits for figure in missed)
        )

    def reported(self, **changes: object) -> "Candidate":
        """The same candidate with these changes to its report."""
        return replace(self, report=msgspec.structs.replace(self.report, **changes))

    @property
    def entry(self) -> Path:
        assert self.folder is not None
        return self.folder.parent / self.report.entry


def variant_id(target: Format, precision: Precision) -> str:
    return f"{target}-{precision}"


def ship(candidate: Candidate, build: Path) -> None:
    """Copies its files to where the conversion is built."""
    if candidate.folder is not None:
        copy_files(candidate.folder, build / candidate.report.id)
