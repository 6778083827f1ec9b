"""What labels tell of an output: that it has classes, or how wrong the model itself is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from edgeml.parity.requirements import arranged
from edgeml.parity.roles import Kind, Role
from edgeml_converters.evidence.labels import NO_CLASS, Classes, in_shape, known_classes
from edgeml_converters.evidence.probabilities import are_probabilities
from edgeml_converters.formats.tensors import Array, Arrays
from edgeml_converters.roles.chance import Chance, by_numbers, by_samples, few_columns, few_samples

_SURELY = 0.01
"""The share of foreign labels that would be taken for an output's own."""
_NUMBERED = 0.05
"""The share of other numberings of the classes that may agree better, as a weak model's do."""
_NOTHING = 0.1
"""Labels than which more others agree better are said to know nothing."""
_LARGEST = 1e100  # so that no sum of them overflows
_OF_NUMBERS = frozenset(("regression", "image", "signal", "state"))


@dataclass(frozen=True)
class Told:
    """What labels tell of an output that they fit by shape.

    role: None where they may be another's. targets: in the output's shape; None for classes.
    """

    chance: Chance
    role: Role | None = None
    targets: Array | None = None

    @property
    def sure(self) -> bool:
        """Whether the labels are of this output, whatever it is."""
        return self.chance.as_well <= _SURELY


Tellings = Mapping[str, Told]
"""Of the outputs that the labels fit."""


def told_by_labels(answers: Arrays, labels: Array | None) -> Tellings:
    """answers: the model's, the sample first."""
    if labels is None:
        return {}
    told = {name: _told(values, labels) for name, values in answers.items()}
    return {name: of for name, of in told.items() if of is not None}


def unused_labels(answers: Arrays, labels: Array | None, told: Tellings) -> tuple[str, ...]:
    """What people are told where their labels are of no output: a sentence, or nothing."""
    if labels is None:
        return ()
    kind = "text" if labels.dtype.kind in "SU" else labels.dtype.name
    given = f"The labels, {kind} {list(labels.shape)},"
    outputs = ", ".join(f"{name} {list(answers[name].shape)}" for name in (told or answers))
    if not told:
        return (f"{given} fit no output ({outputs}) and decide nothing.",)
    if all(of.chance.better > _NOTHING for of in told.values()):
        return (
            f"{given} agree with no output that they fit ({outputs}) better than by chance; look "
            "whether they are of these samples, and numbered as the model's classes are.",
        )
    return ()


def with_error(role: Role, values: Array, told: Told | None) -> Role:
    """The role with the model's own error, where the labels tell it and nobody else has."""
    if told is None or told.targets is None or not told.sure:
        return role
    if role.kind not in _OF_NUMBERS or role.error is not None:
        return role
    return msgspec.structs.replace(role, error=_errors(role, values, told.targets))


def _told(values: Array, labels: Array) -> Told | None:
    classes, targets = list(_class_axes(values, labels)), _targets(values, labels)
    if not classes and targets is None:
        return None
    if values.dtype.kind != "f":
        return Told(Chance(1.0, 0.0))  # integers are judged as they are
    if classes:
        return _of_classes(values, *max(classes, key=lambda of: _hits(values, *of)))
    assert targets is not None
    columns = few_columns(values[0].size)
    rows = few_samples(len(values))
    asked = [of.reshape(len(of), -1)[rows][:, columns] for of in (values, targets)]
    told = Told(by_samples(*asked), targets=targets)
    if not told.sure:
        return told
    if ((targets == 0) | (targets == 1)).all():
        within = bool(((values >= 0) & (values <= 1)).all())
        kind: Kind = "scores" if within else "score-logits"
        return replace(told, role=Role(kind=kind, source="labels"))
    role = with_error(Role(kind="regression", source="labels"), values, told)
    nearer = role.error is not None or bool((values == targets).all())
    return replace(told, role=role) if nearer else told


def _class_axes(values: Array, labels: Array) -> Iterator[tuple[int, Classes]]:
    """Each axis whose classes these can be, the last first, and the class at each place: numbers or
    names without that axis, or a 1 along it where all others are 0."""
    named = labels.dtype.kind in "iubSU" or _whole(labels)
    hot = _targets(values, labels)
    if hot is not None and not ((hot == 0) | (hot == 1)).all():
        hot = None
    for axis in range(values.ndim - 1, 0, -1):
        count = values.shape[axis]
        rest = values.shape[:axis] + values.shape[axis + 1 :]
        if count < 2:
            continue
        if named and (classes := known_classes(labels, rest, count)) is not None:
            yield axis, classes
        elif hot is not None and (hot.sum(axis=axis) == 1).all():
            yield axis, hot.argmax(axis=axis)


def _whole(labels: Array) -> bool:
    return labels.dtype.kind == "f" and bool((labels == np.rint(labels)).all())


def _hits(values: Array, axis: int, classes: Classes) -> int:
    return int((values.argmax(axis=axis) == classes).sum())


def _of_classes(values: Array, axis: int, classes: Classes) -> Told:
    last = np.moveaxis(values, axis, -1).reshape(len(values), -1, values.shape[axis])
    kind: Kind = "probabilities" if are_probabilities(last) else "logits"
    told = Told(_chance_of_classes(last, classes.reshape(len(classes), -1)))
    return replace(told, role=Role(kind=kind, axis=axis, source="labels")) if told.sure else told


def _chance_of_classes(scores: Array, classes: Classes) -> Chance:
    """scores: [samples, places, classes]; classes: [samples, places].

    Asked of each class against the mean of all, since logits may go up and down together.
    """
    rows, places = few_samples(len(scores)), few_columns(scores.shape[1], each=scores.shape[2])
    classes = classes[rows][:, places]
    scores = np.nan_to_num(scores[rows][:, places].astype(np.float64)).clip(-_LARGEST, _LARGEST)
    scores -= scores.mean(axis=-1, keepdims=True)
    labelled = np.unique(classes[classes != NO_CLASS])
    others = np.setdiff1d(np.arange(scores.shape[2]), labelled)
    scores = scores[..., [*labelled, *others[few_columns(len(others))]]]
    hot = classes[..., None] == labelled
    columns = (of.reshape(len(rows), -1) for of in (scores[..., : len(labelled)], hot))
    chance = by_samples(*columns)
    numbered = by_numbers(scores, hot)
    return chance if numbered <= _NUMBERED else Chance(1.0, max(chance.better, numbered))


def _targets(values: Array, labels: Array) -> Array | None:
    """The labels in the shape of `values`, if they can be."""
    if labels.dtype.kind not in "biuf" or not np.isfinite(labels).all():
        return None
    return in_shape(labels, values.shape)


def _errors(role: Role, values: Array, targets: Array) -> tuple[float | None, ...] | None:
    """The mean absolute error of each channel, whose units may differ; None for one whose targets
    may be another's, or are the model's own answers.

    One that is wrong as often as an answer that is always the same tells no error: anything would
    be allowed.
    """
    r, t = (arranged(role, of).astype(np.float64) for of in (values, targets))
    errors = np.abs(r - t).mean(axis=(0, 1))
    constant = np.abs(t - np.median(t, axis=(0, 1))).mean(axis=(0, 1))
    rows, places = few_samples(len(r)), few_columns(r.shape[1], each=r.shape[2])
    told = [
        float(error)
        if 0 < error < worst
        and by_samples(*(of[rows][:, places, channel] for of in (r, t))).as_well <= _SURELY
        else None
        for channel, (error, worst) in enumerate(zip(errors, constant, strict=True))
    ]
    return tuple(told) if any(told) else None
