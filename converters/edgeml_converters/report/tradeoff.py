"""Size, latency and accuracy of every variant on every engine, and which of them are on the front.

A point is on the front when no other one that passed is as good in everything and better in
something.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgeml.conversion import ConversionReport, EngineParity, VariantReport
from edgeml.evidence import Interval
from edgeml.profile import EngineProfile, Profile

_LOWER_IS_BETTER = {"mae"}


@dataclass(frozen=True)
class Point:
    """One variant on one engine.

    number: by which the plots name it. snr_db: of the worst output; infinite where exact, None
    where it did not run or is not finite. task: the task's metric where it was asked for.
    """

    number: int
    variant: VariantReport
    engine: EngineParity
    profile: EngineProfile | None
    snr_db: float | None
    task: Interval | None
    front: bool = False

    @property
    def quality(self) -> float | None:
        return self.snr_db if self.task is None else self.task.value


@dataclass(frozen=True)
class Tradeoff:
    """metric: the name of the vertical axis. higher: whether more of it is better."""

    points: tuple[Point, ...]
    metric: str
    higher: bool


def chosen(variant: VariantReport) -> tuple[EngineParity, ...]:
    """One row for each engine: the highest level of optimisation that passed, else the first that
    ran, else the first."""
    rows: dict[str, EngineParity] = {}
    for row in sorted(variant.engines, key=lambda row: (not row.passed, not row.outputs)):
        rows.setdefault(row.engine, row)
    order = dict.fromkeys(row.engine for row in variant.engines)
    return tuple(rows[name] for name in order)


def snr(row: EngineParity) -> float | None:
    """Of the worst output in dB; infinite where every one is exact, None without figures."""
    if not row.outputs or any(output.max_abs is None for output in row.outputs):
        return None
    return min(math.inf if o.snr_db is None else o.snr_db for o in row.outputs)


def tradeoff(report: ConversionReport, profiles: Mapping[str, Profile]) -> Tradeoff:
    """Every variant with a file on every engine that ran it."""
    runs = [
        (variant, row, measured(profiles.get(variant.id), row.engine))
        for variant in report.variants
        for row in chosen(variant)
        if variant.files and row.outputs
    ]
    tasks = [row.evidence.task if row.evidence else None for _, row, _ in runs]
    # One axis for all: the metric where each of them has it and it tells any two of them apart.
    names = {None if task is None else task.metric for task in tasks}
    values = {task.variant.value for task in tasks if task is not None}
    metric = names.pop() if len(names) == 1 and len(values) > 1 else None
    points = [
        Point(
            number=number,
            variant=variant,
            engine=row,
            profile=profile,
            snr_db=snr(row),
            task=task.variant if task is not None and metric is not None else None,
        )
        for number, ((variant, row, profile), task) in enumerate(
            zip(runs, tasks, strict=True), start=1
        )
    ]
    higher = metric not in _LOWER_IS_BETTER
    front = _front(points, higher)
    return Tradeoff(
        points=tuple(_marked(point, point.number in front) for point in points),
        metric=metric or "SNR dB",
        higher=higher,
    )


def _marked(point: Point, front: bool) -> Point:
    return Point(
        point.number, point.variant, point.engine, point.profile, point.snr_db, point.task, front
    )


def measured(profile: Profile | None, engine: str) -> EngineProfile | None:
    """The row of that engine, None where it was not measured."""
    rows = () if profile is None else profile.engines
    return next((row for row in rows if row.engine == engine and row.error is None), None)


def _front(points: Sequence[Point], higher: bool) -> set[int]:
    """The numbers of those that passed and that no other one beats."""
    costs = {
        point.number: _costs(point, higher)
        for point in points
        if point.variant.passed and point.engine.passed and point.quality is not None
    }
    return {
        number
        for number, mine in costs.items()
        if not any(
            all(a <= b for a, b in zip(other, mine, strict=True)) and other != mine
            for other in costs.values()
        )
    }


def _costs(point: Point, higher: bool) -> tuple[float, ...]:
    """Less is better in each: size, latency where it was measured, and quality."""
    quality = point.quality if point.quality is not None else -math.inf
    latency = math.inf
    if point.profile is not None and point.profile.p50_us is not None:
        latency = point.profile.p50_us
    return (point.variant.size, latency, -quality if higher else quality)
