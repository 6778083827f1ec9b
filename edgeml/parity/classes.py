"""One class out of many: how much of the model's margin the variant's choices lose."""

from dataclasses import replace

import numpy as np

from edgeml.parity.blocks import by_blocks
from edgeml.parity.figures import Array, Figure, Floats, Requirement
from edgeml.parity.limits import (
    CLASSES_EACH,
    CLASSES_TOP5,
    EVENTS_LEAST,
    LIMITS,
    Name,
)
from edgeml.parity.noise import exact, noise

_LEAST = 1e-5
"""A probability below it is as good as none: float16 holds no two digits of it."""


def classes(model: Array, variant: Array, *, logits: bool) -> list[Requirement]:
    """model, variant: [samples, ..., classes], each position with a class of its own.

    The margin lost is the model's probability of its own class less that of the variant's class, in
    shares of what the model's class is ahead of its second: a flip between two that are equal costs
    nothing. Where the model's probabilities are not finite there is none to lose.
    """
    top5 = model.shape[-1] >= CLASSES_TOP5

    def part(r: Array, v: Array) -> tuple[Array, ...]:
        p = exact_or_softmax(r, logits=logits)
        ours, theirs = first(r), first(v)
        own = _at(p, ours)
        second = np.partition(p, -2, axis=-1)[..., -2]
        five = _top5_lost(p, v) if top5 else np.zeros(own.shape)
        return ours, own - _at(p, theirs), own - second, (ours != theirs).astype(np.float64), five

    ours, lost, margin, flipped, five = by_blocks(part, model, variant)
    ones = np.ones(ours.shape)
    flips = Figure("flips", _sums(flipped), _sums(ones), LIMITS["flips"])
    required: list[Requirement] = [
        (
            Figure("margin lost", _sums(lost), _sums(margin), LIMITS["margin lost"]),
            replace(flips, limit=LIMITS["margin lost"]),
        ),
        (flips,),
    ]
    chosen = _judged_each(ours, model.shape[-1])
    if len(chosen):
        sums = _of_each(ours, chosen, (lost, margin, flipped, ones))
        quiet = noise(
            "noise of a class", model, variant, LIMITS["noise of a class"],
            lambda few: _centred(few if logits else _logarithms(few))[..., chosen],
        )  # fmt: skip
        required.append(_each(chosen, sums, quiet))
    if top5:
        name: Name = "probability of the top 5 lost"
        required.append((Figure(name, _sums(five), _sums(ones), LIMITS[name]),))
    return required


def _judged_each(ours: Array, count: int) -> Array:
    """The classes that must hold each: all of a few, of many those in enough samples."""
    if count <= CLASSES_EACH:
        return np.arange(count)
    pairs = np.unique(np.arange(len(ours))[:, None] * count + ours)
    return np.flatnonzero(np.bincount(pairs % count, minlength=count) >= EVENTS_LEAST)


def _of_each(ours: Array, chosen: Array, parts: tuple[Floats, ...]) -> list[Floats]:
    """The sums [samples, chosen] of [samples, positions] where the model gives each class."""
    place = np.searchsorted(chosen, ours).clip(max=len(chosen) - 1)
    given = chosen[place] == ours
    cells = (np.arange(len(ours))[:, None] * len(chosen) + place)[given]
    size = len(ours) * len(chosen)
    sums: list[Floats] = [
        np.bincount(cells, p[given], size).astype(np.float64).reshape(len(ours), -1) for p in parts
    ]
    return sums


def _each(chosen: Array, sums: list[Floats], quiet: Figure) -> Requirement:
    """What must hold of each class where the model gives it; sums: lost, margin, flipped, ones."""
    columns = tuple(f"class {c}" for c in chosen)

    def figure(name: Name, numerators: Floats, denominators: Floats) -> Figure:
        return Figure(name, numerators, denominators, LIMITS[name], EVENTS_LEAST, columns)

    lost, margin, flipped, ones = sums
    return (
        figure("margin lost of a class", lost, margin),
        figure("flips of a class", flipped, ones),
        replace(quiet, columns=columns),
    )


def exact_or_softmax(values: Array, *, logits: bool) -> Floats:
    """Probabilities along the last axis; all 0 where one is not finite."""
    p = _softmax(values) if logits else exact(values)
    finite: Floats = np.where(np.isfinite(p).all(axis=-1, keepdims=True), p, 0.0)
    return finite


def _softmax(logits: Array) -> Floats:
    values = logits.astype(np.float64)
    with np.errstate(invalid="ignore"):  # of infinities there is no difference
        values -= values.max(axis=-1, keepdims=True)
    powers = np.exp(values, out=values)
    probabilities: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def _logarithms(p: Array) -> Floats:
    logarithms: Floats = np.log(np.maximum(exact(p), _LEAST))  # NaN stays
    return logarithms


def _centred(logits: Array) -> Floats:
    """Without the mean of those that are finite."""
    finite = np.isfinite(logits)
    total = np.where(finite, logits, 0.0).sum(axis=-1, keepdims=True, dtype=np.float64)
    centred: Floats = logits - total / np.maximum(finite.sum(axis=-1, keepdims=True), 1)
    return centred


def first(values: Array) -> Array:
    """The arg max, for which a NaN is the least."""
    index: Array = _ordered(values).argmax(axis=-1)
    return index


def _ordered(values: Array) -> Array:
    unordered = np.isnan(values)
    return np.where(unordered, -np.inf, values) if unordered.any() else values


def _top5_lost(p: Floats, variant: Array) -> Floats:
    """The probability of the five first classes less that of the variant's five; classes that are
    equal to its fifth share the places that are left."""
    values = _ordered(variant)
    fifth = np.partition(values, -5, axis=-1)[..., -5:-4]
    above, equal = values > fifth, values == fifth
    left = (5 - above.sum(axis=-1)) / equal.sum(axis=-1)
    found = np.where(above, p, 0.0).sum(axis=-1) + left * np.where(equal, p, 0.0).sum(axis=-1)
    lost: Floats = np.partition(p, -5, axis=-1)[..., -5:].sum(axis=-1) - found
    return lost


def _at(values: Floats, index: Array) -> Floats:
    return np.take_along_axis(values, index[..., None], axis=-1)[..., 0]


def _sums(parts: Array) -> Floats:
    """[samples, positions] -> [samples, 1]."""
    sums: Floats = parts.sum(axis=1, dtype=np.float64)[:, None]
    return sums
