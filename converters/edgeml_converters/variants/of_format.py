"""All variants of one format: the float file and those quantised from it."""

from collections.abc import Sequence
from pathlib import Path

from edgeml.conversion import VariantReport
from edgeml.manifest import Precision
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.options import Options
from edgeml_converters.outcome import folder
from edgeml_converters.parity.question import Question
from edgeml_converters.progress import Progress
from edgeml_converters.quantise.coverage import MIN_COVERAGE_PERCENT
from edgeml_converters.variants.candidate import Candidate, ship
from edgeml_converters.variants.lower import make_lower
from edgeml_converters.variants.quantiser import Quantiser


def make_variants(
    base: Candidate,
    precisions: Sequence[Precision],
    proof: Question,
    choice: Question,
    calibration: Arrays,
    build: Path,
    options: Options,
    progress: Progress,
) -> list[Candidate]:
    """The variants of one format, in the order asked for; their files are in `build`.

    base: its float file. proof: the samples that show parity. choice: others, by which calibrators
    and repairs are chosen. calibration: inputs by the contract's names, of others again, for static
    int8.
    """
    candidates: list[Candidate] = []
    for precision in dict.fromkeys(precisions):
        if precision == base.report.precision:
            candidates.append(base)
        elif base.folder is None or not base.report.passed:
            candidates.append(_without_base(base, precision))
        else:
            # What people keep in float they do not take for int8.
            least = 0.0 if options.keep_float else MIN_COVERAGE_PERCENT
            quantiser = Quantiser(base, precision, proof, choice, calibration, progress, least)
            with progress(quantiser.id):
                candidates.append(make_lower(quantiser, options))
    for candidate in candidates:
        ship(candidate, build)
    if base.folder is not None and set(precisions) != {base.report.precision}:
        folder.keep_reference(base.folder, base.report.format, build)
    return candidates


def _without_base(base: Candidate, precision: Precision) -> Candidate:
    """A variant that is not made, because the float file under it does not agree."""
    report = VariantReport(
        id=f"{base.report.format}-{precision}",
        format=base.report.format,
        precision=precision,
        answer="differs",
        routes=base.report.routes,
        findings=base.report.findings,
    )
    return Candidate(report, None)
