"""Whether an output can be what people say that it is."""

from collections.abc import Mapping, Sequence

import numpy as np

from edgeml.errors import InputError
from edgeml.parity.blocks import chunks
from edgeml.parity.requirements import arranged, check_one_unit
from edgeml.parity.roles import Kind, Role, channel_axis
from edgeml_converters.formats.tensors import Array, Arrays
from edgeml_converters.roles.sure import SURE, positions_of_boxes, sure_boxes

_ROUNDING = 0.02  # int8 probabilities add up to 1 only so far
_LOGITS: dict[Kind, Kind] = {
    "probabilities": "logits", "scores": "score-logits", "mask": "mask-logits",
}  # fmt: skip
_WITH_FRACTIONS: tuple[Kind, ...] = (
    "logits", "probabilities", "score-logits", "mask-logits", "heatmap", "embedding",
)  # fmt: skip
_AXES: dict[Kind, tuple[int, int, str]] = {
    "heatmap": (4, 4, "a map of height and width for each point: four axes"),
    "mask": (3, 9, "a picture for each sample: three axes or more"),
    "mask-logits": (3, 9, "a picture for each sample: three axes or more"),
    "image": (3, 9, "a picture for each sample: three axes or more"),
    "embedding": (2, 9, "a vector for each sample: two axes or more"),
}


def check_fit(name: str, roles: Sequence[Role], values: Array) -> None:
    """Raises InputError for a role that an output of this shape, or with such values, cannot have.

    values: the model's answers, the sample first. roles: of people or a contract, whose axes and
    channels are there.
    """
    for role in roles:
        wrong = _shape_fault(role, values.shape) or _values_fault(role, values)
        if wrong is not None:
            expected, found, advice = wrong
            raise InputError(
                f"{_who(role)} {name!r} for {role.kind}, which wants {expected}, but {found}; "
                f"{advice.replace('NAME', name)}."
            )
        try:
            if values.dtype.kind == "f" and not isinstance(role.error, tuple):
                check_one_unit(role, values)
        except ValueError as error:
            raise InputError(f"{_who(role)} {name!r} for {role.kind}: {error}.") from None


def check_boxes(roles: Mapping[str, Sequence[Role]], answers: Arrays) -> None:
    """Raises InputError for boxes whose scores, in another output, are not one for each, or of
    which it is not known that they are scores."""
    for name, of_output in roles.items():
        for role in of_output:
            if role.kind != "boxes" or not role.scores:
                continue
            theirs = roles.get(role.scores, ())
            _check_scores(name, role, theirs, answers[role.scores])
            boxes = positions_of_boxes(role, answers[name].shape)
            try:
                few = {role.scores: answers[role.scores][:1]}
                sure_boxes(role.scores, theirs, few, boxes)
            except ValueError as error:
                raise InputError(
                    f"{_who(role)} {role.scores!r} for the scores of the {boxes} boxes of each "
                    f"sample in {name!r}, but {error}; name their axis, as in --output "
                    f"{role.scores}=scores,axis=2."
                ) from None


def _check_scores(name: str, boxes: Role, theirs: Sequence[Role], values: Array) -> None:
    if any(role.kind in SURE for role in theirs):
        return
    kinds = " and ".join(sorted({role.kind for role in theirs} - {"unknown"}))
    if not kinds and values.dtype.kind == "f" and _range_fault(values) is None:
        return
    found = f"that is taken for {kinds}" if kinds else "its values are not all from 0 to 1"
    raise InputError(
        f"{_who(boxes)} {boxes.scores!r} for the scores of the boxes in {name!r}, but {found}; say "
        f"what stands alone in it, as in --output {boxes.scores}=scores,axis=2,channels=1: or "
        f"{boxes.scores}=score-logits."
    )


def _shape_fault(role: Role, shape: tuple[int, ...]) -> tuple[str, str, str] | None:
    """What was expected, what was found, and what to do."""
    found = f"its shape is {list(shape)}, the sample first"
    if role.kind in _AXES:
        least, most, expected = _AXES[role.kind]
        if not least <= len(shape) <= most:
            return expected, found, "say what else it is"
    axis = channel_axis(role, shape)
    most = 1 if axis is None else shape[axis]
    count = (most if role.stop is None else role.stop) - role.start
    where = "it has no axis of them" if axis is None else f"there are {count} on axis {axis}"
    found = f"{where} of shape {list(shape)}"
    if role.kind == "boxes" and count != 4:
        advice = "name their axis and channels, as in NAME=boxes,axis=2,channels=0:4"
        return "four numbers for each box", found, advice
    if role.kind in ("logits", "probabilities") and count < 2:
        advice = "name the axis of the classes, as in NAME=logits,axis=1, or say scores"
        return "two classes or more", found, advice
    return None


def _values_fault(role: Role, values: Array) -> tuple[str, str, str] | None:
    if not values.size:
        return None
    if role.kind == "integers":
        return _fraction_fault(values)
    whole = values.dtype.kind == "b" or (values.dtype.kind in "iu" and values.dtype.itemsize >= 4)
    if whole and role.kind in _WITH_FRACTIONS:
        advice = "say integers where they are classes, ids or counts"
        return "numbers with fractions", f"it holds {values.dtype.name}", advice
    if role.kind not in _LOGITS or not (whole or values.dtype.kind == "f"):
        return None  # integers of a few bits may stand for fractions
    parts = arranged(role, values)
    found = _range_fault(parts)
    if found is not None:
        return "values from 0 to 1", found, f"say {_LOGITS[role.kind]} where they are logits"
    if role.kind == "probabilities":
        sums = parts[: chunks(parts)[0].stop].sum(axis=-1, dtype=np.float64)
        off = np.abs(sums[np.isfinite(sums)] - 1)
        if off.max(initial=0.0) > _ROUNDING:
            found = f"some add up to {float(sums.flat[int(off.argmax())]):.3g}"
            return "values that add up to 1", found, "name the axis of the classes, or say scores"
    return None


def _fraction_fault(values: Array) -> tuple[str, str, str] | None:
    if values.dtype.kind != "f":
        return None
    finite = values[np.isfinite(values)]
    off = np.flatnonzero(finite != np.round(finite))
    if not len(off):
        return None
    return "whole numbers", f"there is {finite[off[0]]:.3g}", "say what else it is"


def _range_fault(values: Array) -> str | None:
    """What is not from 0 to 1, in words."""
    finite = values[np.isfinite(values)]
    least, most = (float(of(initial=0.5)) for of in (finite.min, finite.max))
    if -_ROUNDING <= least and most <= 1 + _ROUNDING:
        return None
    worst = least if least < -_ROUNDING and -least > most - 1 else most
    return f"there is {worst:.3g}"


def _who(role: Role) -> str:
    return "The contract takes" if role.source == "contract" else "--output takes"
