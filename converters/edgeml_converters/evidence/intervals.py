"""95 % confidence intervals: Wilson's for a share, the bootstrap for any other figure."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import stats

from edgeml.evidence import Interval
from edgeml_converters.evidence.arrays import bounded

CONFIDENCE = 0.95
RESAMPLES = 1000
_SEED = 0

Rows = npt.NDArray[np.intp]


def wilson(successes: int, n: int) -> Interval:
    """The share `successes` / `n` with Wilson's score interval (Wilson 1927).

    Unlike the bootstrap it says how little n out of n proves. Raises ValueError without samples.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"{successes} of {n} is no share")
    ends = stats.binomtest(successes, n).proportion_ci(CONFIDENCE, method="wilson")
    value = successes / n
    # By rounding an end at 0 or 1 can fall short of the share.
    return Interval(value=value, low=min(value, float(ends.low)), high=max(value, float(ends.high)))


def paired_bootstrap(
    first: Callable[[Rows], float | None],
    second: Callable[[Rows], float | None],
    samples: int,
    resamples: int = RESAMPLES,
) -> tuple[Interval, Interval, Interval]:
    """Intervals of `first`, of `second` and of `second` minus `first`.

    Each draw asks both functions about the same rows, so that samples that are hard for both do not
    widen the difference. The draws are seeded: the same figures each time. The ends are percentiles
    (Efron and Tibshirani 1993, chapter 13), widened to hold the figure itself. A draw for which a
    function gives None, as one class alone has no AUC, is left out. A single sample gives no width.
    Raises ValueError when a function gives None for all rows.
    """

    def both(rows: Rows) -> tuple[float, float, float] | None:
        a, b = first(rows), second(rows)
        return None if a is None or b is None else (a, b, bounded(b - a))

    values = both(np.arange(samples))
    if values is None:
        raise ValueError("there is no figure for all rows")
    rng = np.random.default_rng(_SEED)
    draws = [both(rng.integers(samples, size=samples)) for _ in range(resamples)]
    figures = np.array([values, *(draw for draw in draws if draw is not None)])
    # The next figure outward: interpolating between two of them could overflow.
    low = np.quantile(figures, (1 - CONFIDENCE) / 2, axis=0, method="lower")
    high = np.quantile(figures, (1 + CONFIDENCE) / 2, axis=0, method="higher")
    model, variant, delta = (
        Interval(value=v, low=min(v, float(a)), high=max(v, float(b)))
        for v, a, b in zip(values, low, high, strict=True)
    )
    return model, variant, delta
