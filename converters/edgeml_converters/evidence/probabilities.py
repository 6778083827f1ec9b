"""Logits or probabilities, and how far confidence is from being right."""

import numpy as np
from scipy import special

from edgeml.parity import Array
from edgeml_converters.evidence.labels import Classes
from edgeml_converters.formats.tensors import Floats

BINS = 10
_ROUNDING = 0.02  # int8 probabilities add up to 1 only so far
_LARGEST = 1e300  # so that no difference of two logits overflows


def are_probabilities(values: Array) -> bool:
    """Whether the last axis adds up to 1 and nothing is below 0; for one column, from 0 to 1."""
    if values.size == 0 or values.min() < -_ROUNDING or values.max() > 1 + _ROUNDING:
        return False
    sums = values.astype(np.float64).sum(axis=-1)
    return values.shape[-1] == 1 or bool((np.abs(sums - 1) <= _ROUNDING).all())


def probabilities(values: Array, like: Array) -> Floats:
    """`values` as probabilities: as they are where the model's own answers, `like`, are, else their
    softmax over the last axis (the logistic function for one column)."""
    values = values.astype(np.float64)
    if are_probabilities(like):
        return values.clip(0.0, 1.0)
    values = values.clip(-_LARGEST, _LARGEST)
    chances: Floats = (
        special.expit(values) if values.shape[-1] == 1 else special.softmax(values, axis=-1)
    )
    return chances


def calibration_error(chances: Floats, classes: Classes) -> float:
    """Expected calibration error over ten bins of confidence (Guo et al. 2017, equation 3).

    chances: probabilities, rows x classes. classes: the true one of each row.
    """
    confidence = chances.max(axis=-1)
    right = chances.argmax(axis=-1) == classes
    bins = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], confidence)
    gaps = np.bincount(bins, weights=right - confidence, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))
