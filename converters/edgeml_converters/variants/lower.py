"""A variant of lower precision: quantised from the float file, chosen on data new to it."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from edgeml.conversion import CalibratorTried, RepairTried
from edgeml.evidence import TensorFidelity
from edgeml.faults import Fault, Finding
from edgeml_converters.bisect.kept import ops_like
from edgeml_converters.formats.ops import Op
from edgeml_converters.options import Options
from edgeml_converters.quantise.calibrators import calibrators
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants.candidate import Candidate
from edgeml_converters.variants.mend import mend
from edgeml_converters.variants.nearer import prove
from edgeml_converters.variants.quantiser import QuantisedFile, Quantiser, Recipe
from edgeml_converters.variants.stumbles import stays_float, stumbles, without_places


def make_lower(quantiser: Quantiser, options: Options) -> Candidate:
    """The best file of one precision: by every calibrator, then mended where it does not agree.

    All choices are made by other samples than those that prove it.
    """
    kept = {
        pattern: ops_like(quantiser.format, quantiser.base.entry, pattern)
        for pattern in options.keep_float
    }
    asked = [op for ops in kept.values() for op in ops]
    files, tried = _calibrate(quantiser, options, asked)
    stays: list[Finding] = []
    if not files and options.repair:
        stumbled, reason = _stumbled(quantiser, options, asked, tried)
        if stumbled:
            stays.append(stays_float(stumbled, reason))
            kept_too = [*asked, *(op.name for op in stumbled)]
            files, again = _calibrate(quantiser, options, kept_too)
            tried = again if files else tried  # else why it is in float is the reason
    if not files:
        return _nothing(quantiser, tried)
    best = max(files, key=lambda file: file.nearness)
    repairs: list[RepairTried] = []
    if options.repair and not quantiser.sound(chosen := quantiser.examine(best)):
        names = [one.name for one in tried if one.error is None]
        best, repairs = mend(quantiser, chosen, best, names)
    best, candidate, nearer = prove(quantiser, best, repair=options.repair)
    tensors, untraced = _trace(quantiser, best)
    return candidate.reported(
        calibrators=tuple(tried) if quantiser.precision == "int8" else (),
        repairs=(*repairs, *nearer),
        tensors=tensors,
        findings=(*candidate.report.findings, *stays, *untraced, *_not_kept(kept)),
    )


def _stumbled(
    quantiser: Quantiser, options: Options, asked: Sequence[str], tried: Sequence[CalibratorTried]
) -> tuple[tuple[Op, ...], str]:
    """The operators that all calibrators fail at, and the reason that they give."""
    first = tried[0]
    reason = first.error or ""
    if len({without_places(other.error or "") for other in tried}) > 1:
        return (), reason  # they fail for reasons of their own
    recipe = _recipe(first.name if quantiser.precision == "int8" else None, options, asked)
    with quantiser.progress("look for what the quantiser cannot make"):
        return stumbles(quantiser, recipe), reason


def _recipe(calibrator: str | None, options: Options, kept: Sequence[str]) -> Recipe:
    return Recipe(
        calibrator=calibrator,
        keep_float=tuple(kept),
        per_channel=not options.per_tensor,
        io=options.asked.io,
    )


def _not_kept(kept: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    for pattern, ops in kept.items():
        if not ops:
            yield Finding(
                fault=Fault.NOT_KEPT,
                severity="warning",
                message=f"--keep-float {pattern!r} means nothing in this file, which has other "
                "names than that of another format; give one of its own too.",
            )


def _trace(
    quantiser: Quantiser, file: QuantisedFile
) -> tuple[tuple[TensorFidelity, ...], tuple[Finding, ...]]:
    """The tensors inside, or a warning: what only explains a verdict must not cost it."""
    try:
        return quantiser.trace(file), ()
    except StepError as error:
        message = (
            f"The tensors inside could not be compared with the float file's ({error.reason}); the "
            "verdict is that of the outputs."
        )
        return (), (Finding(fault=Fault.NOT_TRACED, severity="warning", message=message),)


def _calibrate(
    quantiser: Quantiser, options: Options, kept: Sequence[str]
) -> tuple[list[QuantisedFile], list[CalibratorTried]]:
    """A file by each calibrator, and all that were tried, the best first."""
    static = quantiser.precision == "int8"
    files: list[QuantisedFile] = []
    made: list[tuple[tuple[bool, float, float], CalibratorTried]] = []
    failed: list[CalibratorTried] = []
    names = (options.calibrator,) if options.calibrator else calibrators(quantiser.format)
    for name in names if static else (None,):
        title = f"quantise by {name}" if name else "quantise"
        label = name or quantiser.precision
        try:
            with quantiser.progress(title):
                file = quantiser.make(_recipe(name, options, kept))
        except StepError as error:
            failed.append(CalibratorTried(name=label, error=error.reason))
            continue
        files.append(file)
        made.append((file.nearness, CalibratorTried(name=label, snr_db=file.snr_db)))
    made.sort(key=lambda one: one[0], reverse=True)
    return files, [*(tried for _, tried in made), *failed]


def _nothing(quantiser: Quantiser, tried: list[CalibratorTried]) -> Candidate:
    report = msgspec.structs.replace(
        quantiser.base.report, id=quantiser.id, answer="differs", precision=quantiser.precision,
        engines=(), files=(), entry="", size=0,
        findings=(), tensors=(), calibrators=tuple(tried),
    )  # fmt: skip
    return Candidate(report, None)
