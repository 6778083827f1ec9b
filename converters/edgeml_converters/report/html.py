"""`render`: the whole page. It loads nothing from anywhere, and says so in its own policy."""

import math
from collections.abc import Callable, Mapping
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from edgeml.conversion import ConversionReport
from edgeml.evidence import Interval
from edgeml.parity import words
from edgeml.parity.answers import OutputParity
from edgeml.profile import Profile
from edgeml_converters.profile.text import count, latency, size
from edgeml_converters.report import plots
from edgeml_converters.report.confusion import confusions
from edgeml_converters.report.samples import Samples
from edgeml_converters.report.summary import summary
from edgeml_converters.report.tradeoff import tradeoff
from edgeml_converters.report.verdict import verdict
from edgeml_converters.report.views import view

_NONE = "\N{EN DASH}"


def render(
    report: ConversionReport,
    profiles: Mapping[str, Profile],
    samples: Samples,
    sources: Mapping[str, Mapping[str, str]] | None = None,
) -> str:
    """The report as one HTML file; equal arguments give equal text.

    profiles: by variant, as measured on one machine; may be empty. samples: the arrays that parity
    was shown on. sources: by variant, operator -> where in the model it comes from.
    """
    trade = tradeoff(report, profiles)
    known = sources or {}
    variants = [view(v, profiles.get(v.id), samples, known.get(v.id, {})) for v in report.variants]
    machine = next(iter(profiles.values()), None)
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            limits=[words.limit_text(name, limit) for name, limit in report.allowed.items()],
            verdict=verdict(report),
            tradeoff=trade,
            by_size=plots.against_size(trade),
            by_latency=plots.against_latency(trade),
            machine=machine,
            confusions=confusions(samples),
            summary=summary(report, profiles),
            variants=variants,
            engines=sorted({(e.engine, e.version) for v in report.variants for e in v.engines}),
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("edgeml_converters.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    added: dict[str, Callable[..., object]] = {
        "number": _number,
        "db": _db,
        "percent": _percent,
        "interval": _interval,
        "size": size,
        "count": count,
        "latency": _latency,
        "snr": _snr,
        "amount": _amount,
        "value_text": words.value_text,
        "worst_figure": words.worst_figure,
        "role_text": words.role_text,
        "role_notes": words.role_notes,
    }
    environment.filters.update(added)
    return environment


def _number(value: float | None, form: str = ".4g") -> str:
    if value is None:
        return _NONE
    text = format(value, form)
    return text.replace("-", "") if float(text) == 0 else text  # never "-0"


def _latency(microseconds: float | None) -> str:
    return latency(microseconds) or _NONE


def _db(value: float | None) -> str:
    """Signal to noise; None is the documents' way to say exact."""
    return "exact" if value is None or math.isinf(value) else f"{value:.1f}"


def _snr(output: OutputParity) -> str:
    return words.snr_text(output, _NONE)


def _amount(value: float | None, figure: str) -> str:
    return words.amount(figure, value)


def _percent(value: float | None) -> str:
    return _NONE if value is None else f"{value:.1%}"


def _interval(value: Interval | None, percent: bool = False) -> str:
    """A figure with the ends of its interval."""
    if value is None:
        return _NONE
    form = ".1%" if percent else ".4g"
    ends = f"{format(value.low, form)} to {format(value.high, form)}"
    return f"{format(value.value, form)} ({ends})"
