"""The float file of a format: routes in turn until one gives a file that says the same."""

from edgeml.conversion import RouteTried, VariantReport
from edgeml.errors import InputError
from edgeml.manifest import Format
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
    target: Format, model: ModelProcess, question: Question, progress: Progress
) -> Candidate:
    """The fp32 variant, in a folder of the question's workspace.

    A file that differs is kept, for people to look at, when no later route gives a better one.
    """
    identity = variant_id(target, "fp32")
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
            candidate, parity = examine(target, "fp32", question, folder, converted, progress)
        except OwnComparisonError:
            raise
        except InputError as error:  # the file is not one of its format
            tried.append(RouteTried(route=key, error=str(error)))
            continue
        tried.append(RouteTried(route=key, error=None if parity.undisputed else parity.fault()))
        if best is None or parity.undisputed or _rank(candidate) > _rank(best):
            best = candidate
        if parity.undisputed:
            break
    if best is None:
        report = VariantReport(
            id=identity,
            format=target,
            precision="fp32",
            answer="differs",
            routes=(),
        )
        best = Candidate(report, None)
    return best.reported(routes=tuple(tried))


def _rank(candidate: Candidate) -> int:
    return -ORDER.index(candidate.report.answer)
