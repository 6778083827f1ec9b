"""Scores that each stand alone: what is on, what is off, and how sure."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgeml.parity.blocks import by_blocks
from edgeml.parity.figures import Array, Figure, Floats, Requirement
from edgeml.parity.limits import EVENTS_LEAST, LIMITS
from edgeml.parity.noise import exact, noise


def scores(model: Array, variant: Array, threshold: float, *, logits: bool) -> list[Requirement]:
    """model, variant: [samples, ..., columns]; threshold: as a probability."""

    def part(r: Array, v: Array) -> tuple[Array, ...]:
        ours, theirs = (chances(logits)(a) > threshold for a in (r, v))
        return (ours != theirs).sum(axis=1), ours.sum(axis=1) + theirs.sum(axis=1)

    differ, either = by_blocks(part, model, variant)
    switched = Figure(
        "switched", differ.astype(np.float64), either.astype(np.float64), LIMITS["switched"],
        EVENTS_LEAST,
    )  # fmt: skip
    limit = LIMITS["noise of the probability"]
    rough = noise("noise of the probability", model, variant, limit, chances(logits))
    return [(rough,), (switched, replace(rough, name="quiet", limit=LIMITS["quiet"]))]


def chances(logits: bool) -> Callable[[Array], Floats]:
    """To probabilities."""
    return _sigmoid if logits else exact


def _sigmoid(logits: Array) -> Floats:
    with np.errstate(over="ignore"):
        chances: Floats = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    return chances
