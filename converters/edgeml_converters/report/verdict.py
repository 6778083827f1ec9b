"""The verdict on a conversion in one sentence, and what to do about it."""

from dataclasses import dataclass
from typing import Literal

from edgeml.conversion import ConversionReport, VariantReport
from edgeml.parity.answers import Answer

End = Literal["not made", "not run", "differs", "cannot tell", "not seen"]
ENDS: dict[End, str] = {
    "not made": "could not be made",
    "not run": "ran on no engine",
    "differs": "does not say the same as the model",
    "cannot tell": "may or may not say the same as the model",
    "not seen": "ran on no engine",
}
"""How a variant ends that did not pass, the worst first, in words."""


@dataclass(frozen=True)
class Advice:
    """variant: its id, or empty where it is for all of them."""

    variant: str
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """answer: "same" where every variant may be shipped, "cannot tell" where none is surely bad."""

    answer: Answer
    sentence: str
    advice: tuple[Advice, ...]


def verdict(report: ConversionReport) -> Verdict:
    """What the exit code of `edgeml convert` says, in words."""
    failed = [variant for variant in report.variants if not variant.passed]
    count, samples = len(report.variants), number(report.samples, "sample")
    if not count:
        return Verdict("differs", "No variant was made.", ())
    if not failed:
        every = "The one variant says" if count == 1 else f"All {count} variants say"
        return Verdict(
            "same",
            f"{every} the same as the model on {samples}.",
            (Advice("", "Package the folder with 'edgeml package'."), *_warnings(report)),
        )
    reasons = "; ".join(f"{variant.id} {ENDS[end_of(variant)]}" for variant in failed)
    advice = [Advice(variant.id, _reason(variant)) for variant in failed]
    if len(failed) < count:
        rest = number(count - len(failed), "other variant")
        advice.append(
            Advice("", f"The {rest} passed; 'edgeml package --passed-only' leaves the rest out.")
        )
    which = f"{len(failed)} of {count} variants" if count > 1 else "The one variant"
    ends = {end_of(variant) for variant in failed}
    answer: Answer = "cannot tell" if ends == {"cannot tell"} else "differs"
    return Verdict(answer, f"{which} cannot be shipped: {reasons}.", tuple(advice))


def end_of(variant: VariantReport) -> End:
    """How it ended, where it did not pass."""
    if not variant.files:
        return "not made"
    if not variant.engines:
        return "not seen"
    if all(engine.error for engine in variant.engines):
        return "not run"
    return "cannot tell" if variant.answer == "cannot tell" else "differs"


def _reason(variant: VariantReport) -> str:
    """The first finding, errors first; else the first output that differs, or the first error."""
    for finding in sorted(variant.findings, key=lambda finding: finding.severity != "error"):
        return finding.message
    for engine in variant.engines:
        for _, output in engine.judged:
            if not output.passed:
                return f"{engine.engine}: {output.reason}."
    errors = [engine.error for engine in variant.engines if engine.error]
    errors += [tried.error for tried in reversed(variant.routes) if tried.error]
    return (errors or ["no engine for it is installed; see 'edgeml doctor'."])[0]


def _warnings(report: ConversionReport) -> tuple[Advice, ...]:
    count = sum(len(variant.findings) for variant in report.variants)
    if not count:
        return ()
    what = "warning" if count == 1 else f"{count} warnings"
    return (Advice("", f"Read the {what} below before you do."),)


def number(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"
