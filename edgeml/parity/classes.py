"""One class out of many: how much of the model's margin the variant's choices lose."""

from dataclasses import replace

import numpy as np

from edgeml.parity.figures import Array, Figure, Floats, Requirement
from edgeml.parity.limits import (
    CLASSES_EACH,
    CLASSES_TOP5,
    EVENTS_LEAST,
    EVENTS_LEAST_DENSE,
    LIMITS,
    Name,
)
from edgeml.parity.noise import noise


def classes(model: Array, variant: Array, *, logits: bool) -> list[Requirement]:
    """model, variant: [samples, positions, classes], each position with a class of its own.

    The margin lost is the model's probability of its own class less that of the variant's class, in
    shares of what the model's class is ahead of its second: a flip between two that are equal costs
    nothing. Where the model's probabilities are not finite there is none to lose.
    """
    p = _softmax(model) if logits else model.astype(np.float64)
    p = np.where(np.isfinite(p).all(axis=-1, keepdims=True), p, 0.0)
    ours, theirs = _first(model), _first(variant)
    own = _at(p, ours)
    second = np.partition(p, -2, axis=-1)[..., -2]
    lost, margin = own - _at(p, theirs), own - second
    flipped, ones = (ours != theirs).astype(np.float64), np.ones(ours.shape)
    flips = Figure("flips", _sums(flipped), _sums(ones), LIMITS["flips"])
    required: list[Requirement] = [
        (
            Figure("margin lost", _sums(lost), _sums(margin), LIMITS["margin lost"]),
            replace(flips, limit=LIMITS["margin lost"]),
        ),
        (flips,),
    ]
    required += _each(model, variant, ours, (lost, margin, flipped))
    if p.shape[-1] >= CLASSES_TOP5:
        limit = LIMITS["probability of the top 5 lost"]
        first5 = np.partition(p, -5, axis=-1)[..., -5:].sum(axis=-1)
        found5 = np.take_along_axis(p, _first_five(variant), axis=-1).sum(axis=-1)
        required.append(
            (Figure("probability of the top 5 lost", _sums(first5 - found5), _sums(ones), limit),)
        )
    return required


def _each(
    model: Array, variant: Array, ours: Array, parts: tuple[Floats, Floats, Floats]
) -> list[Requirement]:
    """What must hold of each class where the model gives it; parts: lost, margin, flipped."""
    lost, margin, flipped = parts
    count = model.shape[-1]
    if count <= CLASSES_EACH:
        chosen = np.arange(count)
    else:
        often = [(ours == c).any(axis=1).sum() >= EVENTS_LEAST for c in range(count)]
        chosen = np.flatnonzero(often)
    if not len(chosen):
        return []
    given = [(ours == c) for c in chosen]
    columns = tuple(f"class {c}" for c in chosen)

    def figure(name: Name, numerators: Floats, denominators: Floats) -> Figure:
        return Figure(
            name,
            np.stack([_sums(np.where(of, numerators, 0.0))[:, 0] for of in given], axis=1),
            np.stack([_sums(np.where(of, denominators, 0.0))[:, 0] for of in given], axis=1),
            LIMITS[name],
            EVENTS_LEAST,
            columns,
        )

    centred = [_centred(a) for a in (model, variant)]
    quiet = noise(
        "noise of a class", centred[0][..., chosen], centred[1][..., chosen],
        LIMITS["noise of a class"],
    )  # fmt: skip
    return [
        (
            figure("margin lost of a class", lost, margin),
            figure("flips of a class", flipped, np.ones(flipped.shape)),
            replace(quiet, columns=columns),
        )
    ]


def dense(model: Array, variant: Array) -> list[Requirement]:
    """As `classes`, of maps: the IoU of each class with the model's own, pooled."""
    ours, theirs = _first(model), _first(variant)
    count = model.shape[-1]
    both = np.stack([((ours == c) & (theirs == c)).sum(axis=1) for c in range(count)], axis=1)
    any_ = np.stack([((ours == c) | (theirs == c)).sum(axis=1) for c in range(count)], axis=1)
    columns = tuple(f"class {c}" for c in range(count))
    occurs = any_.sum(axis=0) > 0
    return [
        (
            Figure(
                "IoU lost",
                (any_ - both)[:, occurs].astype(np.float64),
                any_[:, occurs].astype(np.float64),
                LIMITS["IoU lost"],
                EVENTS_LEAST_DENSE,
                tuple(name for name, there in zip(columns, occurs, strict=True) if there),
            ),
        )
    ]


def _softmax(logits: Array) -> Floats:
    values = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):  # of infinities there is no difference
        values = values - values.max(axis=-1, keepdims=True)
    powers = np.exp(values)
    probabilities: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def _centred(logits: Array) -> Floats:
    """Without the mean of those that are finite."""
    finite = np.isfinite(logits)
    total = np.where(finite, logits, 0.0).sum(axis=-1, keepdims=True, dtype=np.float64)
    centred: Floats = logits - total / np.maximum(finite.sum(axis=-1, keepdims=True), 1)
    return centred


def _first(values: Array) -> Array:
    """The arg max, for which a NaN is the least."""
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), -np.inf, values)
    first: Array = values.argmax(axis=-1)
    return first


def _first_five(variant: Array) -> Array:
    """The five of the largest values; of equal ones those come first that a device lists first."""
    return np.argsort(-variant.astype(np.float64), axis=-1, kind="stable")[..., :5]


def _at(values: Floats, index: Array) -> Floats:
    return np.take_along_axis(values, index[..., None], axis=-1)[..., 0]


def _sums(parts: Array) -> Floats:
    """[samples, positions] -> [samples, 1]."""
    sums: Floats = parts.sum(axis=1, dtype=np.float64)[:, None]
    return sums
