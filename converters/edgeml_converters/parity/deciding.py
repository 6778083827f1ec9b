"""Three answers by intervals: same, differs, or not enough samples to tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from scipy import stats

from edgeml.parity.figures import Figure, Floats, Requirement
from edgeml.parity.limits import Limit, Name

Answer = Literal["same", "differs", "cannot tell"]
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Column:
    """One column of a figure.

    low, high: what is surely reached, allowing for all figures that are looked at, and what is
    surely not exceeded. needed: how many samples would be enough; None where no number would.
    """

    name: Name
    column: str
    value: float
    low: float
    high: float
    limit: Limit
    events: int
    answer: Answer
    needed: int | None = None


@dataclass(frozen=True)
class Decision:
    """answer: of all requirements. columns: for each of them the alternative that did best, the
    worst first."""

    answer: Answer
    columns: tuple[Column, ...]


def decide(requirements: Sequence[Requirement], samples: int, least: int) -> Decision:
    """Same where the upper ends (95 %, two-sided) of all figures are within their limits, differs
    where a lower end, by Bonferroni's rule for all figures together, is beyond one.

    Of the alternatives of a requirement one within its limit is enough, and all must differ to
    differ. The interval is that of a ratio of sums, linearised, by Student's t with samples - 1
    degrees of freedom (Cochran 1977, Sampling Techniques, chapter 6). least: below so many samples
    nothing is the same.
    """
    looks = sum(figure.numerators.shape[1] for of in requirements for figure in of)
    best: list[Column] = []
    for alternatives in requirements:
        judged = [_judged(figure, samples, looks) for figure in alternatives]
        best += [min(columns, key=_rank) for columns in zip(*judged, strict=True)]
    columns = tuple(sorted(best, key=_rank, reverse=True))
    if any(column.answer == "differs" for column in columns):
        return Decision("differs", columns)
    if samples < least or not columns or any(c.answer != "same" for c in columns):
        return Decision("cannot tell", columns)
    return Decision("same", columns)


_ORDER: tuple[Answer, ...] = ("same", "cannot tell", "differs")


def _rank(column: Column) -> tuple[int, float]:
    share = column.high / column.limit.same if np.isfinite(column.high) else np.inf
    return _ORDER.index(column.answer), share


def _judged(figure: Figure, samples: int, looks: int) -> list[Column]:
    values, errors = figure.values, _standard_errors(figure)
    within = stats.t.ppf((1 + _CONFIDENCE) / 2, max(1, samples - 1))
    beyond = stats.t.ppf(1 - (1 - _CONFIDENCE) / 2 / looks, max(1, samples - 1))
    columns: list[Column] = []
    for i, (value, error, events) in enumerate(zip(values, errors, figure.events, strict=True)):
        limit = figure.limit_of(i)
        low, high = max(0.0, value - beyond * error), value + within * error
        enough = events >= max(1, figure.events_least)
        if enough and low > limit.differs:
            answer: Answer = "differs"
        elif enough and high <= limit.same:
            answer = "same"
        else:
            answer = "cannot tell"
        needed = None
        if answer == "cannot tell":
            needed = _needed(value, high, limit, samples, int(events), figure.events_least)
        name = figure.columns[i] if figure.columns else f"{i}"
        columns.append(
            Column(figure.name, name, value, low, high, limit, int(events), answer, needed)
        )
    return columns


def _standard_errors(figure: Figure) -> Floats:
    """Of each column's ratio; infinite for a single sample, NaN without a value."""
    n = len(figure.numerators)
    rest = figure.numerators - figure.values * figure.denominators
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.sqrt(n / np.float64(n - 1) * (rest**2).sum(axis=0))
        errors: Floats = total / figure.denominators.sum(axis=0)
    return errors


def _needed(
    value: float, high: float, limit: Limit, samples: int, events: int, least: int
) -> int | None:
    """How many samples would make the interval narrow enough, or bring enough events."""
    if not np.isfinite(high) or not events or value >= limit.same:
        return None
    by_width = samples * ((high - value) / (limit.same - value)) ** 2
    by_events = least * samples / events
    return ceil(max(by_width, by_events, samples + 1))
