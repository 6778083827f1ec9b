"""How wrong a model itself is: the part of its answers that labels do not explain."""

import numpy as np

from edgeml.parity.requirements import arranged
from edgeml.parity.roles import Role
from edgeml_converters.formats.tensors import Array, Floats
from edgeml_converters.roles.chance import COLUMNS, SURELY, by_channels, few, few_samples

_ROUNDING = 1e-6
_ELEMENTS = 1 << 22  # so many tell an error well enough
_OUTLYING = 5.0
"""Medians above which a part is none of the model's error; of normal noise one in 1,400 is."""
_OFTEN, _FEW = 0.05, 30
"""The share of samples above which one label may be a mark and no measure, and how many of them
tell an error."""


def errors(role: Role, values: Array, targets: Array) -> tuple[float | None, ...] | None:
    """Of each channel, whose units may differ, the mean absolute part of its answers that the
    targets do not explain: the model's own error in the output's unit, whatever the targets' is,
    and of one that dares little rather less. At most what the answers vary by.

    None for a channel whose targets may be another's, or are the model's own answers.
    """
    r, t = (arranged(role, of) for of in (values, targets))
    samples, positions, channels = r.shape
    places = few(positions, max(1, _ELEMENTS // (samples * channels)))
    r, t = (of[:, places].astype(np.float64) for of in (r, t))
    rows, asked = few_samples(samples), few(len(places), max(1, COLUMNS // channels))
    own = by_channels(*(of[rows][:, asked] for of in (r, t))) <= SURELY
    told = [
        _unexplained(r[..., channel].ravel(), t[..., channel].ravel()) if own[channel] else None
        for channel in range(channels)
    ]
    return tuple(told) if any(told) else None


def _unexplained(answers: Floats, labels: Floats) -> float | None:
    """By what an answer is beside the line between its neighbours in the order of the labels
    (Gasser, Sroka and Jennen-Steinmetz 1986): in whatever unit the labels are and wherever they
    are clipped or wrap. Without what lies far beside, so that wrong labels count for nothing; where
    a label is frequent it may stand for no measurement, and the smallest part counts.

    None where it is nothing but rounding, as of the model's own answers.
    """
    finite = np.isfinite(answers)
    answers, labels = answers[finite], labels[finite]
    if len(answers) < _FEW:
        return None
    order = np.argsort(labels, kind="stable")
    a, b = answers[order], labels[order] / (np.abs(labels).max() or 1.0)
    gap = b[2:] - b[:-2]
    left = np.divide(b[2:] - b[1:-1], gap, out=np.full(len(gap), 0.5), where=gap > 0)
    beside = np.abs(a[1:-1] - left * a[:-2] - (1 - left) * a[2:])
    beside /= np.sqrt(1 + left**2 + (1 - left) ** 2)
    distinct, times = np.unique(b, return_counts=True)
    marks = distinct[times > _OFTEN * len(b)]
    groups = [b[1:-1] == mark for mark in marks]
    parts = [beside[of] for of in (*groups, ~np.isin(b[1:-1], marks)) if of.sum() >= _FEW]
    parts = parts or [beside]
    varies = np.abs(answers - np.median(answers)).mean()
    error = min(float(part[part <= _OUTLYING * np.median(part)].mean()) for part in parts)
    return min(error, float(varies)) if error > _ROUNDING * varies else None
