"""All variants of one format: the float file and those quantised from it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgeml.conversion import VariantReport
from edgeml.manifest import Format, Precision
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.options import Options
from edgeml_converters.outcome import folder
from edgeml_converters.parity.question import Question
from edgeml_converters.parity.tolerances import TOLERANCES
from edgeml_converters.progress import Progress
from edgeml_converters.steps.model import ModelProcess
from edgeml_converters.variants.candidate import Candidate, ship, variant_id
from edgeml_converters.variants.float import make_float
from edgeml_converters.variants.lower import make_lower
from edgeml_converters.variants.quantiser import Quantiser


def make_variants(
    target: Format,
    precisions: Sequence[Precision],
    model: ModelProcess,
    proof: Question,
    choice: Question,
    calibration: Arrays,
    build: Path,
    options: Options,
    progress: Progress,
) -> list[Candidate]:
    """The variants of one format, in the order asked for; their files are in `build`.

    proof: the samples that show parity. choice: others, by which calibrators and repairs are
    chosen. calibration: inputs by the contract's names, of others again, for static int8.
    """
    with progress(variant_id(target, "fp32")):
        base = make_float(target, model, proof, progress)
    candidates: list[Candidate] = []
    for precision in dict.fromkeys(precisions):
        if precision == "fp32":
            candidates.append(base)
        elif base.folder is None or not base.report.passed:
            candidates.append(_without_base(base, precision))
        else:
            tolerance = options.tolerance or TOLERANCES[precision]
            quantiser = Quantiser(
                base,
                precision,
                replace(proof, tolerance=tolerance),
                replace(choice, tolerance=tolerance),
                calibration,
                progress,
            )
            with progress(quantiser.id):
                candidates.append(make_lower(quantiser, repair=options.repair))
    for candidate in candidates:
        ship(candidate, build)
    if base.folder is not None and set(precisions) != {"fp32"}:
        folder.keep_reference(base.folder, target, build)
    return candidates


def _without_base(base: Candidate, precision: Precision) -> Candidate:
    """A variant that is not made, because the float file under it does not agree."""
    report = VariantReport(
        id=f"{base.report.format}-{precision}",
        format=base.report.format,
        precision=precision,
        passed=False,
        tolerance=base.report.tolerance,
        routes=base.report.routes,
        findings=base.report.findings,
    )
    return Candidate(report, None)
