"""Parity: does this model still say what the original said? Pure numpy, on workstation and device.

All metrics compare a found with an expected array of one shape, first axis the sample.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.documents import Strict

Array = npt.NDArray[Any]


class Tolerance(Strict, frozen=True, kw_only=True):
    """What still counts as the same.

    max_abs: largest absolute difference, relative to the largest magnitude expected of that output
        (or to 1, if that is smaller).
    min_cosine: smallest cosine similarity of any sample.
    min_top1: smallest share of samples with the same arg max.
    """

    max_abs: float = 1e-4
    min_cosine: float = 0.9999
    min_top1: float = 0.99


class OutputParity(Strict, frozen=True, kw_only=True):
    """One output of one variant on one engine.

    name: of the output, by the contract.
    max_abs: largest absolute difference; null where the shape differs or NaN or infinity was found.
    limit_abs: the largest that is allowed; 0 for integers, of which a share must be equal.
    cosine: cosine similarity of a sample, the smallest of all; null where a sample is one number.
    snr_db: 10 log10(sum of expected squared / sum of difference squared); null where exact.
    top1: share of samples with equal arg max over the last axis, of integers share of equal values;
        null for one column of floats.
    passed: all of them are within tolerance.
    """

    name: str
    max_abs: float | None
    limit_abs: float
    cosine: float | None
    snr_db: float | None
    top1: float | None
    passed: bool


def compare(name: str, found: Array, expected: Array, tolerance: Tolerance) -> OutputParity:
    """Metrics and verdict; a wrong shape, NaN or infinity in `found` fails."""
    if expected.dtype.kind in "iub" and found.dtype.kind in "iub":
        return _compare_exactly(name, found, expected, tolerance)
    scale = float(np.abs(expected).max(initial=0.0)) if expected.size else 0.0
    limit = tolerance.max_abs * max(1.0, scale)
    if found.shape != expected.shape or not np.isfinite(found).all():
        return OutputParity(
            name=name, max_abs=None, limit_abs=limit, cosine=None, snr_db=None, top1=None,
            passed=False,
        )  # fmt: skip
    a, b = found.astype(np.float64), expected.astype(np.float64)
    max_abs = float(np.abs(a - b).max(initial=0.0))
    cosine = min_cosine(a, b, limit)
    top1 = top1_agreement(a, b)
    passed = (
        max_abs <= limit
        and (cosine is None or cosine >= tolerance.min_cosine)
        and (top1 is None or top1 >= tolerance.min_top1)
    )
    return OutputParity(
        name=name, max_abs=max_abs, limit_abs=limit, cosine=cosine, snr_db=snr_db(a, b), top1=top1,
        passed=passed,
    )  # fmt: skip


def _compare_exactly(
    name: str, found: Array, expected: Array, tolerance: Tolerance
) -> OutputParity:
    """Classes, token ids, masks: near is not the same; top1 is the share of equal values."""
    if found.shape != expected.shape:
        return OutputParity(
            name=name, max_abs=None, limit_abs=0.0, cosine=None, snr_db=None, top1=None,
            passed=False,
        )  # fmt: skip
    a, b = found.astype(np.float64), expected.astype(np.float64)
    share = float((found == expected).mean()) if expected.size else 1.0
    return OutputParity(
        name=name, max_abs=float(np.abs(a - b).max(initial=0.0)), limit_abs=0.0, cosine=None,
        snr_db=snr_db(a, b), top1=share, passed=share >= tolerance.min_top1,
    )  # fmt: skip


def min_cosine(found: Array, expected: Array, limit: float = 0.0) -> float | None:
    """Smallest cosine over the samples; None where a sample is one number, which has no direction.

    Samples of which no value is beyond `limit` agree (1); a zero vector beside one that is not does
    not (0).
    """
    a = found.reshape(len(found), -1)
    b = expected.reshape(len(expected), -1)
    if a.shape[1] < 2:
        return None
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    tiny = (np.abs(a) <= limit).all(axis=1) & (np.abs(b) <= limit).all(axis=1)
    equal = (a == b).all(axis=1) | tiny
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.where(norms > 0, (a * b).sum(axis=1) / norms, 0.0)
    return float(np.where(equal, 1.0, cosine).min(initial=1.0))


def snr_db(found: Array, expected: Array) -> float | None:
    """Signal to noise in dB, None where there is no noise at all."""
    noise = float(((found - expected) ** 2).sum())
    signal = float((expected**2).sum())
    if noise == 0.0:
        return None
    return float(10 * np.log10(signal / noise)) if signal > 0 else 0.0


def top1_agreement(found: Array, expected: Array) -> float | None:
    """Share of rows with equal arg max over the last axis, None where there is one column only."""
    if expected.ndim < 2 or expected.shape[-1] < 2:
        return None
    return float((found.argmax(axis=-1) == expected.argmax(axis=-1)).mean())
