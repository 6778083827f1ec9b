"""The rule before that by roles, with its limits of int8 and of fp32: shares of the largest
magnitude, a cosine and an arg max over the last axis, whatever the output means."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from verdict_tasks.task import Answers

Floats = npt.NDArray[np.float64]


class Limits(NamedTuple):
    max_abs: float
    min_cosine: float
    min_top1: float


INT8, FP32 = Limits(0.25, 0.97, 0.95), Limits(1e-4, 0.9999, 0.99)


def passes(model: Answers, variant: Answers, limits: Limits = INT8) -> bool:
    return all(
        _passes(model[name].astype(np.float64), variant[name].astype(np.float64), limits)
        for name in model
    )


def _passes(expected: Floats, found: Floats, limits: Limits) -> bool:
    limit = limits.max_abs * max(1.0, float(np.abs(expected).max()))
    if not np.isfinite(found).all() or np.abs(found - expected).max() > limit:
        return False
    if expected[0].size > 1 and _least_cosine(expected, found, limit) < limits.min_cosine:
        return False
    if expected.ndim < 2 or expected.shape[-1] < 2:
        return True
    return bool((found.argmax(axis=-1) == expected.argmax(axis=-1)).mean() >= limits.min_top1)


def _least_cosine(expected: Floats, found: Floats, limit: float) -> float:
    """Of any sample; 1 for those of which no value is beyond `limit`."""
    a, b = found.reshape(len(found), -1), expected.reshape(len(expected), -1)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    tiny = (np.abs(a) <= limit).all(axis=1) & (np.abs(b) <= limit).all(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosines = np.where(norms > 0, (a * b).sum(axis=1) / norms, 0.0)
    return float(np.where(tiny | (a == b).all(axis=1), 1.0, cosines).min())
