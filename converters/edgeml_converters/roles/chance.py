"""How much labels know of answers: whether they agree better than in other orders of the samples,
which holds whatever the pixels or steps of a sample have in common, and under other numbers.

In any order, and shifted against each other in their own: what follows on each other in time looks
alike for long, and two such series agree by chance far more often than shuffled ones do. A few
shifts may agree better, as where answers lag behind."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from edgeml_converters.formats.tensors import Array, Floats

_ORDERS = 199
_SAMPLES = 512
_FEW_SHIFTS, _LAGGING = 2, 0.05
COLUMNS = 1024
"""So many are asked of more, drawn by a seed: enough to tell, in a tenth of a second."""


class Chance(NamedTuple):
    """Of labels that know nothing of the answers, the shares that agree as well and better.

    They are far apart where there is little to tell by, as by six samples or one class.
    """

    as_well: float
    better: float


def by_samples(answers: Array, labels: Array) -> Chance:
    """Asked of 199 other orders of the samples (permutation test; Phipson and Smyth 2010).

    answers, labels: [samples, columns], of a column each. Both are ranked, so that units, offsets
    and outliers count for nothing.
    """
    each = _ranks(answers) @ _ranks(labels).T  # the answers of one sample, the labels of another
    own = np.arange(len(each))
    orders = np.random.default_rng(0).permuted(np.tile(own, (_ORDERS, 1)), axis=1)
    found, others = np.trace(each), each[own, orders].sum(axis=1)
    as_well = (1 + (others >= found).sum()) / (1 + _ORDERS)
    shifts = (own[:, None] + own[1:]) % len(own)
    # Not as well: labels that repeat themselves are the same again after a whole turn.
    shifted = (each[own[:, None], shifts].sum(axis=0) > found).sum()
    if shifted > max(_FEW_SHIFTS, _LAGGING * len(own)):
        as_well = max(as_well, shifted / len(own))
    return Chance(float(as_well), float((others > found).mean()))


def by_numbers(answers: Array, hot: Array) -> float:
    """The share of other numberings of the classes under which the labels agree better.

    answers: [samples, columns, classes]; hot: [samples, columns, of the classes those that occur,
    first], 1 where it is the label. Features that know the classes, but are none, agree as well
    under any.
    """
    agreement = np.tensordot(_ranks(hot), _ranks(answers), axes=((0, 1), (0, 1)))
    labelled, classes = agreement.shape
    rng, own = np.random.default_rng(0), np.arange(labelled)
    others = [agreement[own, rng.permutation(classes)[:labelled]].sum() for _ in range(_ORDERS)]
    return float((np.array(others) > np.trace(agreement)).mean())


def few_samples(count: int) -> Array:
    """Which of `count` samples are asked."""
    return few(count, _SAMPLES)


def few(count: int, most: int) -> Array:
    """At most so many of `count`, drawn by a seed, in their order."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(count, most, replace=False))


def _ranks(values: Array) -> Floats:
    """Of each column over the samples, centred: multiples of a half, whose sums are exact."""
    ranks: Floats = stats.rankdata(np.nan_to_num(values), axis=0) - (len(values) + 1) / 2
    return ranks
