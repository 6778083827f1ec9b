"""Three answers by intervals: same, differs, or not enough samples to tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, log

import numpy as np
from scipy import stats

from edgeml.parity.answers import ORDER, Answer
from edgeml.parity.figures import Figure, Floats, Requirement
from edgeml.parity.limits import Limit, Name

_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Column:
    """One column of a figure; column is empty where the figure has no other.

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


def decide(
    requirements: Sequence[Requirement],
    samples: int,
    least: int,
    looks_of_all: int | None = None,
    *,
    seen_is_enough: bool = False,
    attempt: int = 1,
) -> Decision:
    """Same where the upper ends (95 %, two-sided) of all figures are within their limits, differs
    where a lower end, by Bonferroni's rule for all figures that can differ together, is beyond one.

    Of the alternatives of a requirement one within its limit is enough, and all must differ to
    differ. The interval is that of a ratio of sums, linearised, by Student's t with samples - 1
    degrees of freedom (Cochran 1977, Sampling Techniques, chapter 6). Where what is counted never
    came up, that has no width at all; then up to 3 in n are not excluded (95 %, Hanley and
    Lippman-Hand 1983, "If nothing goes wrong, is everything all right?"). least: below so many
    samples nothing is the same. looks_of_all: where more is looked at than these, see `looks`.
    seen_is_enough: what is beyond a limit in the samples seen differs whatever others would say, as
    of rounding, which has no bad luck. attempt: how many files these samples have been asked of;
    the n-th is the same by an interval of 5 / n % doubt, so that one of five at a limit is called
    the same in at most 5.8 % of draws, where it is 2.5 % of one alone.
    """
    looked_at = max(1, looks(requirements) if looks_of_all is None else looks_of_all)
    best: list[Column] = []
    for alternatives in requirements:
        judged = [
            _judged(figure, samples, looked_at, seen_is_enough, attempt) for figure in alternatives
        ]
        best += [min(columns, key=_rank) for columns in zip(*judged, strict=True)]
    columns = tuple(sorted(best, key=_rank, reverse=True))
    if any(column.answer == "differs" for column in columns):
        return Decision("differs", columns)
    if samples < least or not columns or any(c.answer != "same" for c in columns):
        return Decision("cannot tell", columns)
    return Decision("same", columns)


def looks(requirements: Sequence[Requirement]) -> int:
    """At how many figures they look that can differ."""
    return sum(_can_differ(figure) for of in requirements for figure in of)


def _can_differ(figure: Figure) -> int:
    """In how many columns."""
    columns = figure.numerators.shape[1]
    if isinstance(figure.limit, Limit):
        return columns if np.isfinite(figure.limit.differs) else 0
    return sum(np.isfinite(limit.differs) for limit in figure.limit)


def _rank(column: Column) -> tuple[int, bool, float]:
    """Of what differs, what names a channel is worse than a mean over channels: it says where."""
    share = column.high / column.limit.same if np.isfinite(column.high) else np.inf
    names = column.answer == "differs" and not column.column.startswith("mean of ")
    return ORDER.index(column.answer), names, share


def _judged(
    figure: Figure, samples: int, looked_at: int, seen_is_enough: bool, attempt: int
) -> list[Column]:
    values, errors = figure.values, _standard_errors(figure)
    doubt = (1 - _CONFIDENCE) / attempt
    within = stats.t.ppf(1 - doubt / 2, max(1, samples - 1))
    beyond = stats.t.ppf(1 - (1 - _CONFIDENCE) / 2 / looked_at, max(1, samples - 1))
    columns: list[Column] = []
    for i, (value, error, events) in enumerate(zip(values, errors, figure.events, strict=True)):
        limit = figure.limit_of(i)
        low = value if seen_is_enough else max(0.0, value - beyond * error)
        high = value + within * error
        if figure.counts and value == 0.0:
            high = _unseen(int(events), doubt)
        enough = events >= max(1, figure.events_least)
        if enough and low > limit.differs:
            answer: Answer = "differs"
        elif enough and high <= limit.same:
            answer = "same"
        else:
            answer = "cannot tell"
        needed = None
        if answer == "cannot tell":
            needed = _needed(figure, value, high, limit, int(events))
        name = figure.columns[i] if figure.columns else f"{i}" if len(values) > 1 else ""
        columns.append(
            Column(figure.name, name, value, low, high, limit, int(events), answer, needed)
        )
    return columns


def _unseen(samples: int, doubt: float) -> float:
    """The largest share of events of which none comes up in so many samples in 5 % of draws, or in
    the share `doubt` of them."""
    share: float = 1 - doubt ** (1 / samples)
    return share


def _standard_errors(figure: Figure) -> Floats:
    """Of each column's ratio; infinite for a single sample, NaN without a value."""
    n = len(figure.numerators)
    rest = figure.numerators - figure.values * figure.denominators
    with np.errstate(invalid="ignore", divide="ignore"):
        total = np.sqrt(n / np.float64(n - 1) * (rest**2).sum(axis=0))
        errors: Floats = total / figure.denominators.sum(axis=0)
    return errors


def _needed(figure: Figure, value: float, high: float, limit: Limit, events: int) -> int | None:
    """How many samples would make the interval narrow enough, or bring enough events; the other end
    of the interval where the value is beyond both limits."""
    if not np.isfinite(high) or not events or limit.same <= value <= limit.differs:
        return None
    samples = len(figure.numerators)
    by_events = figure.events_least * samples / events
    if figure.counts and value == 0.0:
        by_width = log(1 - _CONFIDENCE) / log(1 - limit.same) * samples / events
    else:
        nearest = limit.same if value < limit.same else limit.differs
        by_width = samples * ((high - value) / (nearest - value)) ** 2
    return _rounded_up(max(by_width, by_events, samples + 1) * figure.each)


def _rounded_up(number: float) -> int:
    """To two digits: it is an estimate, and one sample more than there are tells nothing."""
    step: int = 10 ** max(0, len(str(ceil(number))) - 2)
    return ceil(number / step) * step
