"""One row for each variant and engine: the worst of its outputs, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass

from edgeml.conversion import ConversionReport, EngineParity, VariantReport
from edgeml.parity.answers import Answer, OutputParity
from edgeml.profile import EngineProfile, Profile
from edgeml_converters.report.tradeoff import chosen, measured


@dataclass(frozen=True)
class Row:
    """engine: None where no engine has run the variant. levels: (optimisation, answer).

    worst: the output that is farthest from the model; None where there are no figures.
    top1: the worst of all outputs with classes, with the ends of its interval.
    """

    variant: VariantReport
    engine: EngineParity | None
    profile: EngineProfile | None
    levels: tuple[tuple[str, Answer], ...]
    worst: OutputParity | None
    top1: str

    @property
    def every_level(self) -> bool:
        """Whether it was shown at several levels and passed at each."""
        return len(self.levels) > 1 and all(answer == "same" for _, answer in self.levels)


def summary(report: ConversionReport, profiles: Mapping[str, Profile]) -> tuple[Row, ...]:
    """In the order of the report."""
    rows: list[Row] = []
    for variant in report.variants:
        rows += [
            _row(variant, engine, measured(profiles.get(variant.id), engine.engine))
            for engine in chosen(variant)
        ]
        if not variant.engines:
            rows.append(Row(variant, None, None, (), None, ""))
    return tuple(rows)


def _row(variant: VariantReport, engine: EngineParity, profile: EngineProfile | None) -> Row:
    return Row(
        variant=variant,
        engine=engine,
        profile=profile,
        levels=tuple(
            (row.optimisation, row.answer) for row in variant.engines if row.engine == engine.engine
        ),
        worst=max((o for _, o in engine.judged), key=lambda output: output.share, default=None),
        top1=_top1(engine),
    )


def _top1(engine: EngineParity) -> str:
    intervals = [o.top1 for o in engine.evidence.outputs if o.top1] if engine.evidence else []
    if not intervals:
        return ""
    worst = min(intervals, key=lambda interval: interval.value)
    return f"{worst.value:.1%} ({worst.low:.1%} to {worst.high:.1%})"
