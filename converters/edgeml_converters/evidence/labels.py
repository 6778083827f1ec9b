"""From the labels of a data file to the classes of an output."""

import numpy as np
import numpy.typing as npt

from edgeml.errors import InputError
from edgeml.parity import Array

Classes = npt.NDArray[np.intp]
NO_CLASS = -1
"""Where people say that a pixel or a step has none; see `known_classes`."""
_NO_CLASS_OF_PEOPLE = (255, -100)
"""As Pascal VOC's masks and PyTorch's losses write it."""


def label_classes(labels: Array, count: int) -> Classes:
    """The class, 0 to `count` - 1, of each label; the shape of `labels`.

    Whole numbers in that range (or booleans) are classes already; any other `count` distinct values
    are the classes in sorted order, as scikit-learn numbers them. Raises InputError otherwise.
    """
    classes = _classes(labels, count)
    none = labels[classes == NO_CLASS]
    if none.size:
        raise InputError(
            f"The labels must say a class for each sample, but hold {none[0]} where there is none; "
            "leave these out, or name a module:callable that does."
        )
    return classes


def known_classes(labels: Array | None, shape: tuple[int, ...], count: int) -> Classes | None:
    """The class of each label, in `shape`, as `label_classes` tells; None where they are not the
    labels of this output.

    NO_CLASS for 255 or -100 beside two classes or more that are numbers of this output's.
    """
    if labels is None or not labels.size:
        return None
    shaped = in_shape(labels, shape)
    if shaped is None:
        return None
    try:
        return _classes(shaped, count)
    except InputError:  # labels of another output, or targets of a regression
        return None


def in_shape(labels: Array, shape: tuple[int, ...]) -> Array | None:
    """`labels` in `shape`, the sample first, if only axes of length 1 are other; else None."""
    longer = [[size for size in of[1:] if size != 1] for of in (labels.shape, shape)]
    if labels.shape[:1] != shape[:1] or longer[0] != longer[1]:
        return None
    return labels.reshape(shape)


def drop_column(labels: Array, axes: int) -> Array:
    """`labels` with `axes` axes, where only a last axis of length 1 is too many; the first axis,
    the samples, always stays."""
    too_many = labels.ndim == axes + 1 and axes > 0 and labels.shape[-1] == 1
    return labels[..., 0] if too_many else labels


def _classes(labels: Array, count: int) -> Classes:
    if _are_classes(labels, count):
        return labels.astype(np.intp)
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise InputError("The labels hold NaN or infinity; leave those samples out.")
    distinct, classes = np.unique(labels, return_inverse=True)
    for value in _NO_CLASS_OF_PEOPLE if labels.dtype.kind in "iuf" else ():
        if len(others := distinct[distinct != value]) > 1 and _are_classes(others, count):
            return np.where(labels == value, NO_CLASS, labels).astype(np.intp)
    if len(distinct) != count:
        shown = ", ".join(str(value) for value in distinct[:4])
        raise InputError(
            f"The labels must be class numbers from 0 to {count - 1} or {count} distinct values, "
            f"but hold {len(distinct)} ({shown}{', ...' if len(distinct) > 4 else ''}); number "
            "them as the model's output does."
        )
    return classes.reshape(labels.shape).astype(np.intp)


def _are_classes(labels: Array, count: int) -> bool:
    if labels.dtype.kind not in "biuf" or not np.isfinite(labels).all():
        return False
    whole = labels.dtype.kind != "f" or bool((labels == np.floor(labels)).all())
    return whole and bool((labels >= 0).all() and (labels < count).all())
