"""What labels tell of an output: that it has classes, or how wrong the model itself is."""

from collections.abc import Iterator

import msgspec
import numpy as np
from scipy import stats

from edgeml.parity.requirements import arranged
from edgeml.parity.roles import Kind, Role
from edgeml_converters.evidence.labels import Classes, drop_column, known_classes
from edgeml_converters.evidence.probabilities import are_probabilities
from edgeml_converters.formats.tensors import Array, Arrays

_CHANCE = 0.01
"""The share of foreign labels that would be taken for an output's own."""
_NUMBERS = frozenset(("regression", "image", "signal", "state"))


def label_role(values: Array, labels: Array | None) -> Role | None:
    """Classes where whole numbers are labels of an axis, or one of the last is 1 and the others 0;
    scores where zeros and ones are labels of every value, a regression with its error where the
    labels are other numbers.

    values: the model's answers, the sample first. None where these are no labels of this output:
    they do not fit its shape, or agree with it no better than by chance.
    """
    if labels is None or values.dtype.kind != "f":
        return None
    if labels.dtype.kind in "iub" and (fit := list(_class_axes(values, labels))):
        nearest = max(fit, key=lambda of: (values.argmax(axis=of[0]) == of[1]).mean())
        return _classes(values, *nearest)
    columns = values.shape[-1] if values.ndim > 1 else 1
    targets = _targets(values, labels)
    if targets is None:
        return None
    if ((targets == 0) | (targets == 1)).all():
        if columns > 1 and (targets.sum(axis=-1) == 1).all():
            return _classes(values, values.ndim - 1, targets.argmax(axis=-1))  # one-hot
        if not _correlate(values, targets):
            return None
        within = bool(((values >= 0) & (values <= 1)).all())
        return Role(kind="scores" if within else "score-logits", source="labels")
    if labels.dtype.kind == "f" and _tells(values, targets):
        return with_error(Role(kind="regression", source="labels"), values, labels)
    return None


def unused_labels(answers: Arrays, labels: Array | None) -> tuple[str, ...]:
    """What people are told where their labels are of no output: a sentence, or nothing."""
    if labels is None:
        return ()
    given = f"The labels, {labels.dtype.name} {list(labels.shape)},"
    fit = {name: of for name, of in answers.items() if _of_shape(of, labels)}
    outputs = ", ".join(f"{name} {list(of.shape)}" for name, of in (fit or answers).items())
    if not fit:
        return (f"{given} fit no output ({outputs}) and decide nothing.",)
    if not any(_agree(values, labels) for values in fit.values()):
        return (
            f"{given} agree with no output that they fit ({outputs}) better than by chance; look "
            "whether they are of these samples, and numbered as the model's classes are.",
        )
    return ()


def _of_shape(values: Array, labels: Array) -> bool:
    """Whether these can be labels of the output, right or wrong."""
    return any(_class_axes(values, labels)) or _targets(values, labels) is not None


def _agree(values: Array, labels: Array) -> bool:
    """Whether the labels know something of the output; of integers, which no rule here judges, it
    is not asked."""
    if values.dtype.kind != "f" or label_role(values, labels) is not None:
        return True
    targets = _targets(values, labels)
    return targets is not None and _tells(values, targets)


def _class_axes(values: Array, labels: Array) -> Iterator[tuple[int, Classes]]:
    """Each axis of which these can be labels, the last first, and the class at each place."""
    for axis in range(values.ndim - 1, 0, -1):
        count = values.shape[axis]
        rest = values.shape[:axis] + values.shape[axis + 1 :]
        if count > 1 and (classes := known_classes(labels, rest, count)) is not None:
            yield axis, classes


def _classes(values: Array, axis: int, classes: Array) -> Role | None:
    """None where the arg max agrees with the labels no more often than by chance: of two that know
    nothing of each other, each as often as it is (binomial test)."""
    found, count = values.argmax(axis=axis), values.shape[axis]
    ours, theirs = (np.bincount(of.ravel(), minlength=count) / of.size for of in (found, classes))
    hits = int((found == classes).sum())
    if stats.binom.sf(hits - 1, found.size, min(1.0, float(ours @ theirs))) > _CHANCE:
        return None
    kind: Kind = "probabilities" if are_probabilities(np.moveaxis(values, axis, -1)) else "logits"
    return Role(kind=kind, axis=axis, source="labels")


def _correlate(values: Array, targets: Array) -> bool:
    """Whether what is on has larger values than by chance (Fisher's normal approximation)."""
    a, b = (of.astype(np.float64).ravel() for of in (values, targets))
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return bool(size > 0 and a @ b / size * np.sqrt(len(a)) > stats.norm.isf(_CHANCE))


def _tells(values: Array, targets: Array) -> bool:
    """Whether in any channel the answers are nearer to the targets than one number for all is."""
    r, t = (arranged(Role(), of).astype(np.float64) for of in (values, targets))
    constant = np.abs(t - np.median(t, axis=(0, 1))).mean(axis=(0, 1))
    return bool((np.abs(r - t).mean(axis=(0, 1)) < constant).any())


def with_error(role: Role, values: Array, labels: Array | None) -> Role:
    """The role with the model's own error, where the labels tell it and nobody else has."""
    targets = None if labels is None else _targets(values, labels)
    if role.kind not in _NUMBERS or role.error is not None or targets is None:
        return role
    if not _tells(values, targets):
        return role
    return msgspec.structs.replace(role, error=_error(role, values, targets))


def _targets(values: Array, labels: Array) -> Array | None:
    """The labels in the shape of `values`, if they can be."""
    if labels.dtype.kind not in "biuf" or not np.isfinite(labels).all():
        return None
    for shaped in (labels, labels[..., None], drop_column(labels, values.ndim)):
        if shaped.shape == values.shape:
            return shaped
    return None


def _error(role: Role, values: Array, targets: Array) -> tuple[float, ...] | None:
    """The mean absolute error of each channel, whose units may differ; None for a model that makes
    none, as of its own answers."""
    errors = np.abs(arranged(role, values).astype(np.float64) - arranged(role, targets))
    return tuple(errors.mean(axis=(0, 1)).tolist()) if errors.any() else None
