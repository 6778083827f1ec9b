"""What labels tell of an output: that it has classes, or how wrong the model itself is."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from edgeml.parity.requirements import arranged
from edgeml.parity.roles import Kind, Role
from edgeml_converters.evidence.labels import NO_CLASS, Classes, in_shape, known_classes
from edgeml_converters.evidence.probabilities import are_probabilities
from edgeml_converters.formats.tensors import Array, Arrays, Floats
from edgeml_converters.roles.chance import COLUMNS, Chance, by_numbers, by_samples, few, few_samples

_SURELY = 0.01
"""The share of foreign labels that would be taken for an output's own."""
_NUMBERED = 0.05
"""The share of other numberings of the classes that may agree better, as a weak model's do."""
_FEW_CLASSES = 4
"""So few have hardly any other numberings, and features that know the classes fit by chance."""
_LESS_HITS = 0.1
_NOTHING = 0.2
"""Labels than which more others agree better are said to know nothing."""
_LARGEST = 1e100  # so that no difference of them overflows
_ELEMENTS = 1 << 22  # so many tell an error well enough
_OF_NUMBERS = frozenset(("regression", "image", "signal", "state"))
_RMS = 1.25  # of a mean absolute error, if errors are normal
_UNKNOWN = Chance(1.0, 0.0)


@dataclass(frozen=True)
class Told:
    """What labels tell of an output that they fit by shape.

    role: None where they may be another's. targets: in the output's shape; None for classes, of
    which there are `classes` and the share `hits` is the arg max.
    """

    chance: Chance
    role: Role | None = None
    targets: Array | None = None
    classes: int = 0
    hits: float = 0.0

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
    told = {
        name: of for name, values in answers.items() if (of := _told(values, labels)) is not None
    }
    most = max((of.hits for of in told.values()), default=0.0)
    for name, of in told.items():
        if 0 < of.classes <= _FEW_CLASSES and of.hits < most - _LESS_HITS:
            told[name] = Told(_UNKNOWN)  # another output has what these are of
    return told


def unused_labels(
    answers: Arrays, labels: Array | None, told: Tellings, known: Collection[str] = ()
) -> tuple[str, ...]:
    """What people are told where their labels are of no output: a sentence, or nothing.

    known: the outputs whose meaning is known without them.
    """
    if labels is None:
        return ()
    kind = "text" if labels.dtype.kind in "SU" else labels.dtype.name
    said = f"The labels, {kind} {list(labels.shape)},"
    outputs = ", ".join(f"{name} {list(answers[name].shape)}" for name in (told or answers))
    if not told:
        return (f"{said} fit no output ({outputs}) and decide nothing.",)
    if all(of.chance.better > _NOTHING for of in told.values()):
        return (
            f"{said} agree with no output that they fit ({outputs}) better than by chance; look "
            "whether they are of these samples, and numbered as the model's classes are.",
        )
    if known or any(of.role is not None for of in told.values()):
        return ()
    return (
        f"{said} fit {outputs}, but decide nothing: these samples do not show whether they are of "
        "it and in its unit; say by --output what it is.",
    )


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
        return Told(_UNKNOWN)  # integers are judged as they are
    if classes:
        return _of_classes(values, *max(classes, key=lambda of: _hits(values, *of)))
    assert targets is not None
    rows, columns = few_samples(len(values)), few(values[0].size, COLUMNS)
    asked = [of.reshape(len(of), -1)[rows][:, columns] for of in (values, targets)]
    told = Told(by_samples(*asked), targets=targets)
    if not told.sure:
        return told
    if _marks(targets) is not None:
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
    targets = _targets(values, labels)
    hot = None if targets is None else _marks(targets)
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


def _marks(targets: Array) -> Array | None:
    """Where it is on, if there are only zeros and one other number, as 1 or 255."""
    on = targets != 0
    marks = bool((on == (targets == targets.max())).all()) and targets.max() > 0
    return on if marks or not on.any() else None


def _hits(values: Array, axis: int, classes: Classes) -> float:
    """The share of labels that the arg max is."""
    known = classes != NO_CLASS
    return float((values.argmax(axis=axis) == classes)[known].sum() / max(1, known.sum()))


def _of_classes(values: Array, axis: int, classes: Classes) -> Told:
    count = values.shape[axis]
    last = np.moveaxis(values, axis, -1).reshape(len(values), -1, count)
    kind: Kind = "probabilities" if are_probabilities(last) else "logits"
    chance = _chance_of_classes(last, classes.reshape(len(classes), -1))
    told = Told(chance, classes=count, hits=_hits(values, axis, classes))
    return replace(told, role=Role(kind=kind, axis=axis, source="labels")) if told.sure else told


def _chance_of_classes(scores: Array, classes: Classes) -> Chance:
    """scores: [samples, places, classes]; classes: [samples, places].

    Asked of each class against the highest, since logits may go up and down together.
    """
    rows = few_samples(len(scores))
    classes = classes[rows]
    known = classes != NO_CLASS
    last = np.iinfo(classes.dtype).max
    vary = np.where(known, classes, last).min(axis=0) < np.where(known, classes, -1).max(axis=0)
    places = np.flatnonzero(vary)
    places = places[few(len(places), max(1, COLUMNS // min(scores.shape[2], 64)))]
    if not len(places):
        return _UNKNOWN
    classes = classes[:, places]
    most = max(2, COLUMNS // len(places))
    labelled, times = np.unique(classes[classes != NO_CLASS], return_counts=True)
    labelled = labelled[np.argsort(-times, kind="stable")[:most]]
    others = np.setdiff1d(np.arange(scores.shape[2]), labelled)
    columns = np.concatenate([labelled, others[few(len(others), most)]])
    # One place at a time: a vocabulary at all of them would fill the memory.
    below = np.stack([_below_highest(scores[rows, place], columns) for place in places], axis=1)
    hot = classes[..., None] == labelled
    chance = by_samples(
        below[..., : len(labelled)].reshape(len(rows), -1), hot.reshape(len(rows), -1)
    )
    numbered = by_numbers(below, hot)
    return chance if numbered <= _NUMBERED else Chance(1.0, max(chance.better, numbered))


def _below_highest(scores: Array, columns: Array) -> Floats:
    """[samples, classes] -> of these columns, how far below the highest of all."""
    finite = np.nan_to_num(scores.astype(np.float64)).clip(-_LARGEST, _LARGEST)
    below: Floats = finite[:, columns] - finite.max(axis=1, keepdims=True)
    return below


def _targets(values: Array, labels: Array) -> Array | None:
    """The labels in the shape of `values`, if they can be."""
    if labels.dtype.kind not in "biuf" or not np.isfinite(labels).all():
        return None
    return in_shape(labels, values.shape)


def _errors(role: Role, values: Array, targets: Array) -> tuple[float | None, ...] | None:
    """The mean absolute error of each channel, whose units may differ; None for one whose targets
    may be another's, or are the model's own answers.

    None too where it is as wrong as an answer that is always the same, or by more than its answers
    differ, as in another unit: anything would be allowed.
    """
    r, t = (arranged(role, of) for of in (values, targets))
    samples, positions, channels = r.shape
    places = few(positions, max(1, _ELEMENTS // (samples * channels)))
    r, t = (of[:, places].astype(np.float64) for of in (r, t))
    errors = np.abs(r - t).mean(axis=(0, 1))
    constant = np.abs(t - np.median(t, axis=(0, 1))).mean(axis=(0, 1))
    worst = np.minimum(constant, r.std(axis=(0, 1)) / _RMS)
    rows, asked = few_samples(samples), few(len(places), max(1, COLUMNS // channels))
    told = [
        float(errors[channel])
        if 0 < errors[channel] < worst[channel]
        and by_samples(*(of[rows][:, asked, channel] for of in (r, t))).as_well <= _SURELY
        else None
        for channel in range(channels)
    ]
    return tuple(told) if any(told) else None
