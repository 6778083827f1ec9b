"""How much labels know of answers: whether they agree better than in other orders of the samples,
which holds whatever the pixels or steps of a sample have in common, and under other numbers.

In any order, and shifted against each other in their own: what follows on each other in time looks
alike for long, and two such series agree by chance far more often than shuffled ones do. A few
shifts may agree better, as where answers lag behind."""

from typing import NamedTuple

import numpy as np
from scipy import stats

from edgeml_converters.formats.tensors import Array, Floats

SURELY = 0.01
"""The share of foreign labels that would be taken for an output's own."""
_ORDERS = 199
_SAMPLES = 512
_FEW_SHIFTS, _LAGGING = 2, 0.05
_ROUNDED = 1e-9
_ALL_CHANNELS, _SWAPPED = 256, 0.1
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
    as_well = _or_by_shifts(as_well, shifted, len(own))
    return Chance(float(as_well), float((others > found).mean()))


def _or_by_shifts(as_well: Array, shifted: Array, samples: int) -> Floats:
    """as_well, unless more than a few shifts agree better; shifted: how many do."""
    often = shifted > max(_FEW_SHIFTS, _LAGGING * samples)
    found: Floats = np.where(often, np.maximum(as_well, shifted / samples), as_well)
    return found


def agreement(answers: Array, labels: Array) -> float:
    """The rank correlation, over all columns, each of which is centred."""
    a, b = _ranks(answers), _ranks(labels)
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float((a * b).sum()) / length if length else 0.0


def by_channels(answers: Array, labels: Array) -> Floats:
    """For each channel, how many other orders and shifts of the samples agree as well.

    answers, labels: [samples, places, channels]. 1 too where another channel's labels agree
    clearly better, as where two columns are swapped.
    """
    r, t = (_ranks(of.reshape(len(of), -1)).reshape(of.shape) for of in (answers, labels))
    samples, places, channels = r.shape
    found = (r * t).sum(axis=(0, 1))
    if channels <= _ALL_CHANNELS:
        rng = np.random.default_rng(0)
        orders = [(r[rng.permutation(samples)] * t).sum(axis=(0, 1)) for _ in range(_ORDERS)]
        by_orders = (1 + (np.array(orders) >= found).sum(axis=0)) / (1 + _ORDERS)
    else:  # by the variance that the sum has over all orders
        alike = [np.einsum("spc,sqc->cpq", of, of) for of in (r, t)]
        variance = (alike[0] * alike[1]).sum(axis=(1, 2)) / (samples - 1)
        by_orders = stats.norm.sf(found / np.sqrt(np.maximum(variance, _ROUNDED)))
    turned = np.fft.irfft(
        (np.fft.rfft(r, axis=0).conj() * np.fft.rfft(t, axis=0)).sum(axis=1), samples, axis=0
    )
    shifted = (turned[1:] > found + _ROUNDED * np.abs(found)).sum(axis=0)
    as_well = _or_by_shifts(by_orders, shifted, samples)
    if 1 < channels <= _ALL_CHANNELS:
        r, t = (of.reshape(samples * places, channels) for of in (r, t))
        lengths = np.linalg.norm(r, axis=0)[:, None] * np.linalg.norm(t, axis=0)
        cosines = np.divide(r.T @ t, lengths, out=np.zeros_like(lengths), where=lengths > 0)
        as_well = np.where(cosines.max(axis=1) > cosines.diagonal() + _SWAPPED, 1.0, as_well)
    return as_well


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
