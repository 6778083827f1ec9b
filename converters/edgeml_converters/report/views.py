"""What the template shows of one variant, put together from its report."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from edgeml.conversion import EngineParity, VariantReport
from edgeml.evidence import Flip, TensorFidelity
from edgeml.profile import Layer, Profile
from edgeml_converters.bisect.culprit import FLOORS_DB, culprit
from edgeml_converters.report import plots
from edgeml_converters.report.pictures import Picture, pictures
from edgeml_converters.report.samples import Samples
from edgeml_converters.report.tradeoff import chosen

_WORST_TENSORS = 8
_RANGES = 32
_LAYERS = 10


@dataclass(frozen=True)
class FlipCard:
    flip: Flip
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Flips:
    """One output on one engine. total: how many samples flipped, of which `cards` are the worst."""

    engine: str
    output: str
    total: int
    cards: tuple[FlipCard, ...]


@dataclass(frozen=True)
class Range:
    """left, width: of its bar in per cent of the plot's width."""

    name: str
    low: float
    high: float
    left: float
    width: float


@dataclass(frozen=True)
class VariantView:
    """rows: one for each engine, at the level that will be used. heavy: layers by their MACs, with
    the module or layer of the model that each comes from."""

    report: VariantReport
    rows: tuple[EngineParity, ...]
    profile: Profile | None
    fidelity: Markup | None
    culprit: TensorFidelity | None
    place: int
    worst: tuple[TensorFidelity, ...]
    flips: tuple[Flips, ...]
    ranges: tuple[Range, ...]
    zero: float
    faults: tuple[tuple[str, str, int], ...]
    heavy: tuple[tuple[Layer, str], ...]


def view(
    report: VariantReport, profile: Profile | None, samples: Samples, sources: Mapping[str, str]
) -> VariantView:
    """What the page shows of a variant; profile: the variant's, where it was measured. sources:
    where in the model an operator comes from, as far as that is known."""
    floor = FLOORS_DB[report.precision]
    culprit_tensor = culprit(report.tensors, floor)
    ranges, zero = _ranges(report)
    layers = [] if profile is None else [layer for layer in profile.layers if layer.macs]
    return VariantView(
        report=report,
        rows=chosen(report),
        profile=profile,
        fidelity=plots.fidelity(report.id, report.tensors, culprit_tensor, floor),
        culprit=culprit_tensor,
        place=0 if culprit_tensor is None else report.tensors.index(culprit_tensor) + 1,
        worst=tuple(sorted(report.tensors, key=_noise)[:_WORST_TENSORS]),
        flips=tuple(_flips(report, samples)),
        ranges=ranges,
        zero=zero,
        faults=tuple(
            (fault, severity, number)
            for (fault, severity), number in Counter(
                (finding.fault.value, finding.severity) for finding in report.findings
            ).items()
        ),
        heavy=tuple(
            (layer, sources.get(layer.name, ""))
            for layer in sorted(layers, key=lambda layer: -(layer.macs or 0))[:_LAYERS]
        ),
    )


def _noise(tensor: TensorFidelity) -> tuple[float, float]:
    """What it adds by itself, then what it has: the least decibels first."""
    own, all_of_it = (
        math.inf if figure is None else figure for figure in (tensor.own_snr_db, tensor.snr_db)
    )
    return own, all_of_it


def _flips(report: VariantReport, samples: Samples) -> list[Flips]:
    flips: list[Flips] = []
    for row in report.engines:
        for output in row.evidence.outputs if row.evidence else ():
            if output.flips:
                cards = tuple(
                    FlipCard(flip, pictures(samples.inputs, flip.sample))
                    for flip in output.worst_flips
                )
                flips.append(Flips(row.engine, output.name, output.flips, cards))
    return flips


def _ranges(report: VariantReport) -> tuple[tuple[Range, ...], float]:
    """The widest ranges, and where zero stands; drawn on an asinh scale, linear around zero, since
    one wide tensor would make dots of all others."""
    ranges = report.ranges.items()
    widest = sorted(ranges, key=lambda item: item[1][0] - item[1][1])[:_RANGES]
    if not widest:
        return (), 0.0
    ends = [abs(end) for _, both in widest for end in both if end]
    unit = sorted(ends)[len(ends) // 2] if ends else 1.0
    scaled = [(math.asinh(low / unit), math.asinh(high / unit)) for _, (low, high) in widest]
    start = min(0.0, *(low for low, _ in scaled))
    span = max(0.0, *(high for _, high in scaled)) - start or 1.0
    return tuple(
        Range(
            name=name,
            low=low,
            high=high,
            left=round(100 * (a - start) / span, 2),
            width=round(100 * (b - a) / span, 2),
        )
        for (name, (low, high)), (a, b) in zip(widest, scaled, strict=True)
    ), round(-100 * start / span, 2)
