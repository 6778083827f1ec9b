"""Size, latency and accuracy of every variant on every engine, and which of them are on the front.

A point is on the front when no other one that passed is as good in everything and better in
something.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgeml.conversion import ConversionReport, EngineParity, VariantReport
from edgeml.evidence import Interval
from edgeml.profile import EngineProfile, Profile

_LOWER_IS_BETTER = {"mae"}


@dataclass(frozen=True)
class Point:
    """One variant on one engine.

    number: by which the plots name it. snr_db: of the worst output; infinite where exact, None
    where it did not run or is not finite. task: the task's metric where it was asked for. quality:
    the one of the two that it is compared by.
    """

    number: int
    variant: VariantReport
    engine: EngineParity
    profile: EngineProfile | None
    snr_db: float | None
    task: Interval | None
    quality: float | None
    front: bool = False


@dataclass(frozen=True)
class Tradeoff:
    """metric: the name of the vertical axis. higher: whether more of it is better. task: the name
    of the task's metric; empty where no point has it."""

    points: tuple[Point, ...]
    metric: str
    higher: bool
    task: str


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
            task=None if task is None else task.variant,
            quality=snr(row) if task is None or metric is None else task.variant.value,
        )
        for number, ((variant, row, profile), task) in enumerate(
            zip(runs, tasks, strict=True), start=1
        )
    ]
    higher = metric not in _LOWER_IS_BETTER
    front = _front(points, higher)
    return Tradeoff(
        points=tuple(replace(point, front=point.number in front) for point in points),
        metric=metric or "SNR dB",
        higher=higher,
        task=next((task.metric for task in tasks if task is not None), ""),
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
