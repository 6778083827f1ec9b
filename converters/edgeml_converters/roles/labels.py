"""What labels tell of an output: that it has classes, or how wrong the model itself is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from edgeml.parity.roles import Kind, Role
from edgeml_converters.evidence.labels import NO_CLASS, Classes, in_shape, known_classes
from edgeml_converters.evidence.probabilities import are_probabilities, probabilities
from edgeml_converters.formats.tensors import Array, Arrays, Floats
from edgeml_converters.roles.chance import (
    COLUMNS,
    SURELY,
    Chance,
    agreement,
    by_numbers,
    by_samples,
    few,
    few_samples,
)
from edgeml_converters.roles.errors import errors
from edgeml_converters.roles.graph import MAP_AXES

_NUMBERED = 0.05
"""The share of other numberings of the classes that may agree better, as a weak model's do."""
_FEW_CLASSES = 4
"""So few have hardly any other numberings, and features that know the classes fit by chance."""
_LESS_HITS = _LESS_EXPLAINED = 0.02
"""An output that chooses right less often by this than another is not what these are of, nor one of
which they explain less by this."""
_ROUNDED = 1e-3
"""How far two forms of the same probabilities may be apart."""
_HEATS = (1.0, 2.0, 4.0, 8.0)
"""By which logits may be too sure, as of nets that were trained for long; angles in degrees are by
far more."""
_SUM = 1e-3  # how far soft labels may be from adding up to 1
_LARGEST = 1e100  # so that no difference of them overflows
_ELEMENTS = 1 << 22  # so many tell an error well enough
_OF_NUMBERS = frozenset(("regression", "image", "signal", "state"))
_ON = (1, 255)
"""What stands for on beside 0 for off; any other number is a measure."""
_NOT_KNOWN = (255, -100, -1)
"""What stands for neither beside 0 and 1; -1 only of scores, since a measure may be -1 to 1."""
_UNKNOWN = Chance(1.0, 0.0)


@dataclass(frozen=True)
class Told:
    """What labels tell of an output that they fit by shape.

    role: None where they may be another's. targets: in the output's shape; None for classes.
    choices: of how many classes, 2 where it is on or off; 0 for numbers. hits: the share of labels
    that the output chooses. explained: the squared rank correlation of numbers.
    """

    chance: Chance
    role: Role | None = None
    targets: Array | None = None
    choices: int = 0
    hits: float = 0.0
    explained: float = 0.0

    @property
    def sure(self) -> bool:
        """Whether the labels are of this output, whatever it is."""
        return self.chance.as_well <= SURELY


Tellings = Mapping[str, Told]
"""Of the outputs that the labels fit."""


def told_by_labels(answers: Arrays, labels: Array | None) -> Tellings:
    """answers: the model's, the sample first."""
    if labels is None:
        return {}
    told = {
        name: of for name, values in answers.items() if (of := _told(values, labels)) is not None
    }
    sure = {name: of for name, of in told.items() if of.sure}
    few_choices = {n: of for n, of in sure.items() if of.role and 0 < of.choices <= _FEW_CLASSES}
    most = max((of.hits for of in sure.values()), default=0.0)
    numbers = {n: of for n, of in sure.items() if of.role and of.choices == 0}
    nearest = max((of.explained for of in numbers.values()), default=0.0)
    others = {
        *(n for n, of in few_choices.items() if of.hits < most - _LESS_HITS),
        *(n for n, of in numbers.items() if of.explained < nearest - _LESS_EXPLAINED),
    }
    left = [name for name in few_choices if name not in others]
    if len(left) > 1:
        chances = [_chances(answers[name], told[name]) for name in left]
        if not all(_same(chances[0], of) for of in chances[1:]):
            others.update(left)  # of one of them, and nobody can tell of which
    return told | dict.fromkeys(others, Told(_UNKNOWN))


def _chances(values: Array, told: Told) -> Floats:
    """[..., choices] of an output with a role."""
    assert told.role is not None
    if told.targets is None:
        values = np.moveaxis(values, told.role.axis or -1, -1)
        return probabilities(values, values)
    on = probabilities(values[..., None], values[..., None])
    return np.concatenate([1 - on, on], axis=-1)


def _same(a: Floats, b: Floats) -> bool:
    """Whether it is one head, before and after its softmax."""
    return a.size == b.size and bool((np.abs(a.ravel() - b.ravel()) < _ROUNDED).all())


def with_error(role: Role, values: Array, told: Told | None) -> Role:
    """The role with the model's own error, where the labels tell it and nobody else has."""
    if told is None or told.targets is None or not told.sure:
        return role
    if role.kind not in _OF_NUMBERS or role.error is not None:
        return role
    return msgspec.structs.replace(role, error=errors(role, values, told.targets))


def _told(values: Array, labels: Array) -> Told | None:
    classes, targets = list(_class_axes(values, labels)), _targets(values, labels)
    if not classes and targets is None:
        return None
    if values.dtype.kind != "f":
        return Told(_UNKNOWN)  # integers are judged as they are
    if classes:
        fits = [(_hits(values, *of), *of) for of in classes]
        return _of_classes(values, *max(fits, key=lambda of: of[0]))
    assert targets is not None
    within = bool(((values >= 0) & (values <= 1)).all())
    marks = _marks(targets)
    if marks is not None and (marks == NO_CLASS).any() and not within and (targets == -1).any():
        return Told(_UNKNOWN)  # a measure from -1 to 1, or not known
    if marks is not None:
        targets = np.where(marks == NO_CLASS, 0.5, marks)
    rows, columns = few_samples(len(values)), few(values[0].size, COLUMNS)
    asked = [of.reshape(len(of), -1)[rows][:, columns] for of in (values, targets)]
    told = Told(by_samples(*asked), targets=targets)
    if not told.sure:
        return told
    if marks is None or (not within and _nearer(values, targets)):
        role = with_error(Role(kind="regression", source="labels"), values, told)
        return replace(told, role=role, explained=agreement(*asked) ** 2)
    known = marks != NO_CLASS
    hits = ((values > (0.5 if within else 0)) == marks)[known].mean()
    told = replace(told, choices=2, hits=float(hits))
    dense = values.ndim >= MAP_AXES
    if within:
        return replace(told, role=Role(kind="mask" if dense else "scores", source="labels"))
    if not _informed(np.stack([np.zeros_like(values), values], -1), marks):
        return told
    kind: Kind = "mask-logits" if dense else "score-logits"
    return replace(told, role=Role(kind=kind, source="labels"))


def _nearer(values: Array, targets: Array) -> bool:
    """Whether the answers are nearer to the targets than one number for all."""
    constant = np.abs(targets - np.median(targets)).mean()
    return bool(np.abs(values - targets.astype(values.dtype)).mean() < constant)


def _informed(scores: Array, classes: Array) -> bool:
    """Whether scores, taken for logits, are better than how frequent each class is, by log loss:
    an angle in degrees, of which the sign is the class, is sure where it is wrong.

    Of all samples, or of each class as much, as heads are trained that weigh rare ones; logits may
    be too sure, within bounds. scores: [..., classes].
    """
    known = np.flatnonzero(classes != NO_CLASS)
    picked = known[few(len(known), _ELEMENTS // scores.shape[-1])]
    at = np.unravel_index(picked, classes.shape)
    logits = scores[at].astype(np.float64).clip(-_LARGEST, _LARGEST)
    truth = classes[at].astype(np.intp)
    logits = np.nan_to_num(logits) - logits.max(axis=-1, keepdims=True)
    own = np.take_along_axis(logits, truth[:, None], axis=-1)[:, 0]
    often = np.bincount(truth) / len(truth)
    occurring = often[often > 0]
    entropy = -(occurring * np.log(occurring)).sum()
    weights = 1 / (often[truth] * len(occurring))  # of mean 1
    for heat in _HEATS:
        losses = np.log(np.exp(logits / heat).sum(axis=-1)) - own / heat
        if losses.mean() < entropy or (losses * weights).mean() < np.log(len(occurring)):
            return True
    return False


def _class_axes(values: Array, labels: Array) -> Iterator[tuple[int, Classes]]:
    """Each axis whose classes these can be, the last first, and the class at each place: numbers or
    names without that axis, or a 1 along it where all others are 0."""
    named = labels.dtype.kind in "iubSU" or _whole(labels)
    targets = _targets(values, labels)
    marks = None if targets is None else _marks(targets)
    hot = None if marks is None or (marks == NO_CLASS).any() else marks
    for axis in range(values.ndim - 1, 0, -1):
        count = values.shape[axis]
        rest = values.shape[:axis] + values.shape[axis + 1 :]
        if count < 2:
            continue
        if named and (classes := known_classes(labels, rest, count)) is not None:
            yield axis, classes
        elif hot is not None and (hot.sum(axis=axis) == 1).all():
            yield axis, hot.argmax(axis=axis)
        elif targets is not None and _soft(targets, axis):
            yield axis, targets.argmax(axis=axis)


def _whole(labels: Array) -> bool:
    return labels.dtype.kind == "f" and bool((labels == np.rint(labels)).all())


def _soft(targets: Array, axis: int) -> bool:
    """Whether they are shares of classes, as of smoothed or distilled labels."""
    shares = targets.dtype.kind == "f" and bool((targets >= 0).all())
    return shares and bool((np.abs(targets.sum(axis=axis) - 1) < _SUM).all())


def _marks(targets: Array) -> Classes | None:
    """1 where it is on, 0 where off, NO_CLASS where that is not known; None for measures.

    Zeros and ones, or zeros and 255; or zeros, ones and one number of _NOT_KNOWN.
    """
    on: Array = targets != 0
    if any(bool((on == (targets == number)).all()) for number in _ON):
        return on.astype(np.intp)
    ones = targets == 1
    for number in _NOT_KNOWN if ones.any() and not on.all() else ():
        unknown = targets == number
        if bool((on == (ones | unknown)).all()):
            return np.where(unknown, NO_CLASS, ones).astype(np.intp)
    return None


def _hits(values: Array, axis: int, classes: Classes) -> float:
    """The share of labels that the arg max is."""
    known = classes != NO_CLASS
    return float((values.argmax(axis=axis) == classes)[known].sum() / max(1, known.sum()))


def _of_classes(values: Array, hits: float, axis: int, classes: Classes) -> Told:
    count = values.shape[axis]
    last = np.moveaxis(values, axis, -1).reshape(len(values), -1, count)
    kind: Kind = "probabilities" if are_probabilities(last) else "logits"
    chance = _chance_of_classes(last, classes.reshape(len(classes), -1))
    told = Told(chance, choices=count, hits=hits)
    if not told.sure:
        return told
    told = replace(told, role=Role(kind=kind, axis=axis, source="labels"))
    if kind == "probabilities" or count > _FEW_CLASSES:
        return told
    return told if _informed(np.moveaxis(values, axis, -1), classes) else replace(told, role=None)


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
