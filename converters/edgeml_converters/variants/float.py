"""The float file of a format: routes in turn until one gives a file that says the same."""

from collections.abc import Sequence

from edgeml.conversion import RouteTried, VariantReport
from edgeml.errors import InputError
from edgeml.faults import Fault, Finding
from edgeml.manifest import Format, Precision
from edgeml.parity.answers import ORDER
from edgeml_converters.parity.own import OwnComparisonError
from edgeml_converters.parity.question import Question
from edgeml_converters.progress import Progress
from edgeml_converters.routes.table import routes_for
from edgeml_converters.steps.model import ModelProcess
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants.candidate import Candidate, variant_id
from edgeml_converters.variants.examine import examine


def make_float(
    target: Format,
    model: ModelProcess,
    question: Question,
    progress: Progress,
    *,
    precision: Precision = "fp32",
    allow_frozen: bool = False,
) -> Candidate:
    """The fp32 variant, in a folder of the question's workspace, or the model's own file as it is.

    A file that differs is kept, for people to look at, when no later route gives a better one.
    allow_frozen: whether a route may keep one way of a branch on values.
    """
    identity = variant_id(target, precision)
    tried: list[RouteTried] = []
    best: Candidate | None = None
    for key, route in routes_for(model.load().form, target).items():
        folder = question.workspace / key / identity
        try:
            with progress(route.title):
                converted = model.convert(
                    key, route.title, question.inputs, tuple(question.expected), folder
                )
        except StepError as error:
            tried.append(RouteTried(route=key, error=error.reason))
            continue
        try:
            entry = folder / converted.entry
            candidate, parity = examine(target, precision, question, entry, progress)
        except OwnComparisonError:
            raise
        except InputError as error:  # the file is not one of its format
            tried.append(RouteTried(route=key, error=str(error)))
            continue
        frozen = _frozen(converted.frozen, allow_frozen)
        if frozen is not None:
            candidate = _with(candidate, frozen)
        wrong = None if parity.undisputed else parity.fault()
        if wrong is None and frozen is not None and frozen.severity == "error":
            wrong = frozen.message
        tried.append(RouteTried(route=key, error=wrong))
        if best is None or wrong is None or _rank(candidate) > _rank(best):
            best = candidate
        if wrong is None:
            break
    if best is None:
        report = VariantReport(
            id=identity,
            format=target,
            precision=precision,
            answer="differs",
            routes=(),
        )
        best = Candidate(report, None)
    return best.reported(routes=tuple(tried))


def _frozen(places: Sequence[str], allowed: bool) -> Finding | None:
    if not places:
        return None
    advice = (
        "as --allow-frozen allows"
        if allowed
        else "so that inputs of other values go the wrong way; write it with torch.where or "
        "torch.cond, or add --allow-frozen if that is meant"
    )
    return Finding(
        fault=Fault.FROZEN_BRANCH,
        severity="warning" if allowed else "error",
        message="The trace keeps the way that the first samples take where the model reads values "
        f"out of its tensors, at {', '.join(places)}, {advice}.",
    )


def _with(candidate: Candidate, finding: Finding) -> Candidate:
    report = candidate.report
    return candidate.reported(
        findings=(finding, *report.findings),
        answer="differs" if finding.severity == "error" else report.answer,
    )


def _rank(candidate: Candidate) -> int:
    return -ORDER.index(candidate.report.answer)
