"""Scores and masks that each stand alone: what is on, what is off, and how sure."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgeml.parity.figures import Array, Figure, Floats, Requirement
from edgeml.parity.limits import EVENTS_LEAST, EVENTS_LEAST_DENSE, LIMITS
from edgeml.parity.noise import chunks, exact, noise


def scores(model: Array, variant: Array, threshold: float, *, logits: bool) -> list[Requirement]:
    """model, variant: [samples, positions, columns]; threshold: as a probability."""
    ours, theirs = (_on(a, threshold, logits) for a in (model, variant))
    either = ours.sum(axis=1) + theirs.sum(axis=1)
    switched = Figure(
        "switched",
        (ours != theirs).sum(axis=1).astype(np.float64),
        either.astype(np.float64),
        LIMITS["switched"],
        EVENTS_LEAST,
    )
    limit = LIMITS["noise of the probability"]
    rough = noise("noise of the probability", model, variant, limit, _chances(logits))
    return [(rough,), (switched, replace(rough, name="quiet", limit=LIMITS["quiet"]))]


def mask(model: Array, variant: Array, threshold: float, *, logits: bool) -> list[Requirement]:
    """The IoU with the model's own of what is inside and of what is outside, of each channel.

    model, variant: [samples, positions, channels].
    """
    ours, theirs = (_on(a, threshold, logits) for a in (model, variant))
    differ = (ours != theirs).sum(axis=1)
    inside, outside = (ours | theirs).sum(axis=1), (~ours | ~theirs).sum(axis=1)
    channels = range(model.shape[-1])
    columns = tuple(f"{side} {c}" for side in ("inside", "outside") for c in channels)
    return [
        (
            Figure(
                "IoU lost",
                np.concatenate([np.where(inside > 0, differ, 0), differ], axis=1).astype(float),
                np.concatenate([inside, outside], axis=1).astype(float),
                LIMITS["IoU lost"],
                EVENTS_LEAST_DENSE,
                columns,
            ),
        )
    ]


def _on(array: Array, threshold: float, logits: bool) -> Array:
    on = np.empty(array.shape, np.bool_)
    for rows in chunks(array):
        on[rows] = _chances(logits)(array[rows]) > threshold
    return on


def _chances(logits: bool) -> Callable[[Array], Floats]:
    return _sigmoid if logits else exact


def _sigmoid(logits: Array) -> Floats:
    with np.errstate(over="ignore"):
        chances: Floats = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    return chances
