"""report.html of a conversion: its report, the arrays behind it, what each variant costs here."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeml.contract import Contract
from edgeml.conversion import ConversionReport
from edgeml.manifest import Optimisation
from edgeml.packing import requirements
from edgeml.profile import Profile
from edgeml_converters.bisect import kept
from edgeml_converters.options import Options
from edgeml_converters.parity.question import Question
from edgeml_converters.profile.measuring import measure
from edgeml_converters.progress import Progress
from edgeml_converters.report import html
from edgeml_converters.report.samples import Samples
from edgeml_converters.variants.candidate import Candidate

_SECONDS = 0.2  # of calls for each engine; a trade is seen, a benchmark takes longer


def page(
    report: ConversionReport,
    contract: Contract,
    question: Question,
    candidates: Sequence[Candidate],
    build: Path,
    options: Options,
    progress: Progress,
) -> bytes:
    """Latency and memory are measured where asked for, or where there are variants to compare."""
    profiled = len(candidates) > 1 if options.profile is None else options.profile
    profiles: dict[str, Profile] = {}
    if profiled and any(candidate.report.passed for candidate in candidates):
        with progress("latency and memory"):
            profiles = {
                candidate.report.id: _profile(
                    candidate, contract, question, build, options, progress
                )
                for candidate in candidates
                if candidate.report.passed
            }
    samples = Samples(
        question.inputs,
        question.expected,
        {candidate.report.id: candidate.answers for candidate in candidates if candidate.answers},
        question.labels,
    )
    with progress("report.html"):
        sources = {
            one.report.id: _sources(one, candidates, build)
            for one in candidates
            if one.report.id in profiles
        }
        return html.render(report, profiles, samples, sources).encode()


def _sources(
    candidate: Candidate, candidates: Sequence[Candidate], build: Path
) -> Mapping[str, str]:
    """The float file of its format has them, which is among the candidates or only kept aside."""
    form = candidate.report.format
    places = [build / "reference" / form / "sources.json"]
    places += [kept.beside(one.entry) for one in candidates if one.report.format == form]
    exported = next((place for place in places if place.is_file()), places[0])
    return kept.source_by_name(form, build / candidate.report.entry, exported)


def _profile(
    candidate: Candidate,
    contract: Contract,
    question: Question,
    build: Path,
    options: Options,
    progress: Progress,
) -> Profile:
    """On the engines and at the levels that a device would use."""
    report = candidate.report
    levels: dict[str, Optimisation] = {r.engine: r.optimisation for r in requirements(report)}
    return measure(
        build / report.entry,
        report.format,
        name=report.id,
        engines=tuple(levels),
        optimisations=levels,
        seconds=_SECONDS,
        ranges={
            report.inputs[tensor.name]: tensor.range
            for tensor in contract.inputs
            if tensor.range is not None
        },
        shapes={
            report.inputs[name]: (1, *array.shape[1:]) for name, array in question.inputs.items()
        },
        timeout_seconds=options.timeout_seconds,
        progress=progress,
    )
