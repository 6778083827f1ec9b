"""Scores that each stand alone: what is on, what is off, and how sure."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from edgeml.parity.blocks import by_blocks
from edgeml.parity.figures import Array, Figure, Floats, Requirement, mean_of_columns
from edgeml.parity.limits import EVENTS_LEAST_DENSE, LIMITS, Name
from edgeml.parity.noise import exact, noise


def scores(model: Array, variant: Array, threshold: float, *, logits: bool) -> list[Requirement]:
    """model, variant: [samples, ..., columns]; threshold: as a probability.

    The F1 that is lost is that with the truth, as the model's probabilities p expect it of anything
    that is said to be on: 2 sum p over what is on / (what is on + sum p), of model less variant. A
    switch between two answers that are equally likely costs nothing, as a flip between two classes.
    """

    def part(r: Array, v: Array) -> tuple[Array, ...]:
        p: Array = np.clip(np.nan_to_num(chances(logits)(r)), 0.0, 1.0)
        ours, theirs = p > threshold, chances(logits)(v) > threshold
        sums = (ours != theirs, ours, theirs, p, p * ours, p * theirs)
        return tuple(of.sum(axis=1, dtype=np.float64) for of in sums)

    parts: tuple[Floats, ...] = by_blocks(part, model, variant)
    differ, ours, theirs, p, of_ours, of_theirs = parts
    either = ours + theirs
    switched = Figure("switched", differ, either, LIMITS["switched"], EVENTS_LEAST_DENSE)
    ours, theirs = ours + p, theirs + p
    expected = 2 * of_ours.sum(axis=0) / np.maximum(ours.sum(axis=0), 1e-9)
    of_score: Name = "expected F1 lost of a score"
    lost = Figure(
        of_score, expected * (theirs - ours) + 2 * (of_ours - of_theirs), theirs, LIMITS[of_score],
        EVENTS_LEAST_DENSE, happened=either > 0,
    )  # fmt: skip
    of_all: Name = "expected F1 lost"
    mean = replace(mean_of_columns(lost, "mean of the scores"), name=of_all, limit=LIMITS[of_all])
    name: Name = "noise of the probability"
    known = LIMITS[name]
    # Of a score that neither ever switches on nobody knows what it would do: it may not be the
    # same, but what is off stays off. Decision 11 has the figures.
    of_each = [known if on else known._replace(differs=np.inf) for on in (either > 0).any(axis=0)]
    rough = noise(name, model, variant, tuple(of_each), chances(logits))
    quiet = replace(rough, name="quiet", limit=LIMITS["quiet"])
    return [(rough,), (mean,), (lost, quiet), (switched, quiet)]


def chances(logits: bool) -> Callable[[Array], Floats]:
    """To probabilities."""
    return _sigmoid if logits else exact


def _sigmoid(logits: Array) -> Floats:
    with np.errstate(over="ignore"):
        chances: Floats = 1.0 / (1.0 + np.exp(-logits.astype(np.float64)))
    return chances
