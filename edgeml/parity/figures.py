"""The figures that decide whether a variant says what the model says, by the role of the output.

A figure is a sum over samples divided by another, for each column: of both sums a sample's own part
is kept, since the sample is the unit of every interval.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.parity.limits import Limit, Name

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Figure:
    """numerators, denominators: [samples, columns]. A column without any denominator has no value.

    limit: of every column, or one for each. events_least: how many samples must have a denominator
    above 0. columns: what each is about, where they have names; empty where they are counted.
    counts: whether the numerators count events of which none may come up by chance, and nothing
    else is judged that would show how near they were. happened: [samples, columns], which samples
    have the event; those with a denominator where that tells. each: how many samples there must be
    for a row, where rows are runs of them.
    """

    name: Name
    numerators: Floats
    denominators: Floats
    limit: Limit | tuple[Limit, ...]
    events_least: int = 0
    columns: tuple[str, ...] = ()
    counts: bool = False
    happened: npt.NDArray[np.bool_] | None = None
    each: float = 1.0

    @property
    def values(self) -> Floats:
        """[columns]; NaN where there is nothing to divide by."""
        totals = self.denominators.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            values: Floats = np.where(totals > 0, self.numerators.sum(axis=0) / totals, np.nan)
        return values

    @property
    def events(self) -> npt.NDArray[np.intp]:
        """[columns]: how many samples have a part in it."""
        with_one = self.denominators > 0 if self.happened is None else self.happened
        counts: npt.NDArray[np.intp] = with_one.sum(axis=0)
        return counts

    def limit_of(self, column: int) -> Limit:
        return self.limit if isinstance(self.limit, Limit) else self.limit[column]


Requirement = tuple[Figure, ...]
"""Figures of the same columns of which one within its limit is enough, for each column."""


def mean_of_columns(figure: Figure, name: str) -> Figure:
    """Over the columns, each a ratio of sums; linearised around those, as its interval is.

    name: of the only column.
    """
    n, totals = len(figure.numerators), figure.denominators.sum(axis=0)
    totals = np.where(totals > 0, totals, 1.0)
    shares = figure.denominators / totals
    parts = figure.numerators / totals - np.nan_to_num(figure.values) * (shares - 1 / n)
    return replace(
        figure,
        numerators=parts.mean(axis=1, keepdims=True),
        denominators=np.full((n, 1), 1 / n),
        columns=(name,),
        happened=None,
    )
