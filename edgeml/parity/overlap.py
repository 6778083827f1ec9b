"""Masks, and maps of classes: how much of their overlap with the truth is lost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeml.parity.blocks import by_blocks
from edgeml.parity.classes import exact_or_softmax, first
from edgeml.parity.figures import Array, Figure, Floats, Requirement, mean_of_columns
from edgeml.parity.limits import EVENTS_LEAST_DENSE, IOU_SURELY, IOU_SURELY_CLASS, LIMITS


@dataclass(frozen=True)
class _Areas:
    """[samples, columns], in positions. ours, theirs, both: what model and variant say, and what
    both do. chance: the sum of the model's probabilities; of_ours, of_theirs: where either says."""

    ours: Floats
    theirs: Floats
    both: Floats
    chance: Floats
    of_ours: Floats
    of_theirs: Floats

    @property
    def either(self) -> Floats:
        return self.ours + self.theirs - self.both

    def expected(self) -> tuple[Floats, Floats]:
        """Numerators and denominators of the IoU with the truth that the variant loses, as the
        model's probabilities expect it: IoU = sum p over what is said / (what is said + sum p over
        the rest), of model less of variant.

        Samples in which neither says it do not count.
        """
        there = self.either > 0
        p, ours, theirs = (
            np.where(there, a, 0.0) for a in (self.chance, self.of_ours, self.of_theirs)
        )
        union, other = self.ours + p - ours, self.theirs + p - theirs
        iou = ours.sum(axis=0) / np.maximum(union.sum(axis=0), 1e-9)
        return iou * (other - union) - (theirs - ours), other


def mask(
    model: Array, variant: Array, threshold: float, chances: Callable[[Array], Floats]
) -> list[Requirement]:
    """What is inside and what is outside, of each channel; both [samples, ..., channels]."""

    def part(r: Array, v: Array) -> tuple[Array, ...]:
        p = np.clip(np.nan_to_num(chances(r)), 0.0, 1.0)
        ours, theirs = p > threshold, chances(v) > threshold
        inside = (ours, theirs, ours & theirs, p, p * ours, p * theirs)
        out = (~ours, ~theirs, ~(ours | theirs), 1 - p, (1 - p) * ~ours, (1 - p) * ~theirs)
        return tuple(
            np.concatenate([a.sum(axis=1, dtype=np.float64) for a in pair], axis=1)
            for pair in zip(inside, out, strict=True)
        )

    channels = range(model.shape[-1])
    columns = [f"{side} {c}" for side in ("inside", "outside") for c in channels]
    areas, columns = _there(_Areas(*by_blocks(part, model, variant)), columns)
    lost, expected = _figures(areas, columns)
    return [(expected, replace(lost, limit=IOU_SURELY)), (lost,)]


def dense(model: Array, variant: Array, *, logits: bool) -> list[Requirement]:
    """Each class, and their mean; both [samples, ..., classes], each position with a class."""

    def part(r: Array, v: Array) -> tuple[Array, ...]:
        p = exact_or_softmax(r, logits=logits)
        ours, theirs = first(r), first(v)
        alike, count = ours == theirs, p.shape[-1]
        own, other = (np.take_along_axis(p, of[..., None], -1)[..., 0] for of in (ours, theirs))
        return (
            _by_class(ours, count), _by_class(theirs, count), _by_class(ours, count, alike),
            p.sum(axis=1), _by_class(ours, count, own), _by_class(theirs, count, other),
        )  # fmt: skip

    names = [f"class {c}" for c in range(model.shape[-1])]
    areas, columns = _there(_Areas(*by_blocks(part, model, variant)), names)
    lost, expected = _figures(areas, columns)
    of_class = replace(
        expected, name="expected IoU lost of a class", limit=LIMITS["expected IoU lost of a class"]
    )
    return [
        (
            mean_of_columns(expected, "mean of the classes"),
            replace(mean_of_columns(lost, "mean of the classes"), limit=IOU_SURELY),
        ),
        (of_class, replace(lost, limit=IOU_SURELY_CLASS)),
        (lost,),
    ]


def _there(areas: _Areas, columns: Sequence[str]) -> tuple[_Areas, list[str]]:
    """Only what model or variant ever says."""
    there = areas.either.sum(axis=0) > 0
    kept = {name: part[:, there] for name, part in vars(areas).items()}
    return _Areas(**kept), [name for name, known in zip(columns, there, strict=True) if known]


def _figures(areas: _Areas, columns: Sequence[str]) -> tuple[Figure, Figure]:
    either = areas.either
    lost = Figure(
        "IoU lost", either - areas.both, either, LIMITS["IoU lost"], EVENTS_LEAST_DENSE,
        tuple(columns),
    )  # fmt: skip
    numerators, denominators = areas.expected()
    return lost, replace(
        lost,
        name="expected IoU lost",
        numerators=numerators,
        denominators=denominators,
        limit=LIMITS["expected IoU lost"],
    )


def _by_class(of: Array, count: int, weights: Array | None = None) -> Floats:
    """[samples, positions] of classes -> the sum of the weights of each, [samples, classes]."""
    cells = (of + np.arange(len(of))[:, None] * count).ravel()
    some = None if weights is None else weights.astype(np.float64).ravel()
    sums = np.bincount(cells, some, len(of) * count).astype(np.float64)
    by_class: Floats = sums.reshape(len(of), count)
    return by_class
