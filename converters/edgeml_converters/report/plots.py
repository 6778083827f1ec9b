"""The plots: size and latency against accuracy, and fidelity along the graph."""

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from edgeml.evidence import TensorFidelity
from edgeml_converters.profile.text import latency, size
from edgeml_converters.report.labels import place
from edgeml_converters.report.svg import ACCENT, BAD, GOOD, INK, LINE, PAPER, inline, new_figure
from edgeml_converters.report.tradeoff import Point, Tradeoff

_HEADROOM_DB = 12.0  # above the best finite figure, where what is exact is drawn


def against_size(tradeoff: Tradeoff) -> Markup | None:
    """One point for each variant and engine."""
    places = [(point, float(point.variant.size)) for point in tradeoff.points if point.variant.size]
    return _scatter(tradeoff, places, "size", size)


def against_latency(tradeoff: Tradeoff) -> Markup | None:
    """None where nothing was measured."""
    places = [
        (point, point.profile.p50_us)
        for point in tradeoff.points
        if point.profile is not None and point.profile.p50_us is not None
    ]
    return _scatter(tradeoff, places, "latency p50", latency)


def _scatter(
    tradeoff: Tradeoff, places: Sequence[tuple[Point, float]], name: str, text: Any
) -> Markup | None:
    drawn = [(point, x, point.quality) for point, x in places if point.quality is not None]
    if not drawn:
        return None
    finite = [y for _, _, y in drawn if math.isfinite(y)]
    top = max(finite, default=0.0) + _HEADROOM_DB
    with new_figure(name, 4.6, 3.2) as figure:
        axes = figure.add_subplot()
        axes.set_xscale("log")
        for point, x, quality in drawn:
            _interval(axes, point, x)
            axes.plot(
                x,
                quality if math.isfinite(quality) else top,
                "o" if point.front else "D",
                markersize=7 if point.front else 5,
                color=GOOD if point.variant.passed and point.engine.passed else BAD,
                markerfacecolor=None if point.front else PAPER,
                zorder=3,
            )
        axes.margins(x=0.16, y=0.12)
        axes.set_xlabel(f"{name}, smaller is better")
        direction = "higher" if tradeoff.higher else "lower"
        axes.set_ylabel(f"{tradeoff.metric}, {direction} is better", parse_math=False)
        _ticks(axes, [x for _, x, _ in drawn], text)
        if any(math.isinf(y) for _, _, y in drawn):
            axes.axhline(top, color=LINE, linewidth=0.8, linestyle=":")
            axes.text(0.01, top, "exact", transform=axes.get_yaxis_transform(), va="bottom")
        _number(figure, axes, [(point.number, x, min(y, top)) for point, x, y in drawn])
        return inline(figure, f"{tradeoff.metric} against {name} of each variant on each engine")


def _interval(axes: Any, point: Point, x: float) -> None:
    if point.task is not None and point.quality == point.task.value:
        axes.vlines(x, point.task.low, point.task.high, color=LINE, linewidth=1.5)


def _number(figure: Any, axes: Any, points: Sequence[tuple[int, float, float]]) -> None:
    """Writes the numbers beside their points; after everything else, which moves the axes."""
    figure.draw_without_rendering()
    pixels = axes.transData.transform([(x, y) for _, x, y in points])  # points too: svg.new_figure
    places = [
        (number, float(x), float(y)) for (number, _, _), (x, y) in zip(points, pixels, strict=True)
    ]
    for label in place(places, figure.get_figwidth() * 72):
        text = axes.annotate(
            label.text,
            axes.transData.inverted().transform((label.x, label.y)),
            xytext=(label.dx, label.dy),
            textcoords="offset points",
            ha="right" if label.dx < 0 else "left",
            fontweight="bold",
            fontsize=8.5,
            arrowprops={"arrowstyle": "-", "color": LINE, "linewidth": 0.6, "shrinkA": 0}
            if abs(label.dy) > 12
            else None,
        )
        text.set_in_layout(False)  # else it moves the axes once more


def _ticks(axes: Any, values: Sequence[float], text: Any) -> None:
    """Few figures in words, since decades alone say little of values that lie close together."""
    low, high = min(values), max(values)
    low, high = (low / 1.5, high * 1.5) if high / low < 1.5 else (low, high)
    ticks = [low * (high / low) ** (step / 3) for step in range(4)]
    rounded = list(dict.fromkeys(float(f"{tick:.2g}") for tick in ticks))
    axes.set_xticks(rounded, [text(tick) for tick in rounded])
    axes.minorticks_off()


def fidelity(
    name: str,
    tensors: Sequence[TensorFidelity],
    culprit: TensorFidelity | None,
    floor_db: float,
) -> Markup | None:
    """Signal to noise of each tensor in order of execution; the culprit in the colour of faults.

    name: of the variant.
    """
    if not tensors:
        return None
    finite = [tensor.snr_db for tensor in tensors if tensor.snr_db is not None]
    top = max(finite, default=floor_db) + _HEADROOM_DB
    heights = [top if tensor.snr_db is None else tensor.snr_db for tensor in tensors]
    with new_figure(name, 7.4, 2.7) as figure:
        axes = figure.add_subplot()
        axes.plot(range(len(heights)), heights, color=ACCENT, linewidth=1.2)
        if len(heights) <= 120:
            axes.plot(range(len(heights)), heights, ".", color=ACCENT, markersize=5)
        axes.axhline(floor_db, color=INK, linewidth=0.8, linestyle="--")
        axes.text(
            0.995, floor_db, f"floor {floor_db:g} dB", va="bottom", ha="right",
            transform=axes.get_yaxis_transform(),
        )  # fmt: skip
        if any(tensor.snr_db is None for tensor in tensors):
            axes.axhline(top, color=LINE, linewidth=0.8, linestyle=":")
            axes.text(
                0.995, top, "exact", va="bottom", ha="right", transform=axes.get_yaxis_transform()
            )
        if culprit is not None:
            place = list(tensors).index(culprit)
            axes.axvline(place, color=BAD, linewidth=1)
            axes.plot(place, heights[place], "o", color=BAD, markersize=7)
            axes.annotate(
                f"tensor {place + 1}: {heights[place]:.1f} dB", (place, heights[place]),
                xytext=(8, 4) if place < len(tensors) * 0.7 else (-8, 4),
                ha="left" if place < len(tensors) * 0.7 else "right",
                textcoords="offset points", color=BAD, fontweight="bold",
            )  # fmt: skip
        axes.margins(x=0.02, y=0.15)
        axes.set_xlabel("tensors in order of execution")
        axes.set_ylabel("SNR dB, higher is better")
        step = max(1, len(heights) // 8)
        places = range(0, len(heights), step)
        axes.set_xticks(places, [str(place + 1) for place in places])
        return inline(figure, "Signal to noise of each tensor in order of execution")
