"""From the labels of a data file to the classes of an output."""

import numpy as np
import numpy.typing as npt

from edgeml.errors import InputError
from edgeml.parity import Array

Classes = npt.NDArray[np.intp]


def label_classes(labels: Array, count: int) -> Classes:
    """The class, 0 to `count` - 1, of each label; the shape of `labels`.

    Whole numbers in that range (or booleans) are classes already; any other `count` distinct values
    are the classes in sorted order, as scikit-learn numbers them. Raises InputError otherwise.
    """
    if _are_classes(labels, count):
        return labels.astype(np.intp)
    distinct, classes = np.unique(labels, return_inverse=True)
    if len(distinct) != count:
        shown = ", ".join(str(value) for value in distinct[:4])
        raise InputError(
            f"The labels must be class numbers from 0 to {count - 1} or {count} distinct values, "
            f"but hold {len(distinct)} ({shown}{', ...' if len(distinct) > 4 else ''}); number "
            "them as the model's output does."
        )
    return classes.reshape(labels.shape).astype(np.intp)


def known_classes(labels: Array | None, shape: tuple[int, ...], count: int) -> Classes | None:
    """The class of each label, in `shape`; None where they are not the labels of this output."""
    if labels is None or not labels.size:
        return None
    labels = drop_column(labels, len(shape))
    if labels.shape != shape:
        return None
    try:
        return label_classes(labels, count)
    except InputError:  # labels of another output, or targets of a regression
        return None


def drop_column(labels: Array, axes: int) -> Array:
    """`labels` with `axes` axes, where only a last axis of length 1 is too many; the first axis,
    the samples, always stays."""
    too_many = labels.ndim == axes + 1 and axes > 0 and labels.shape[-1] == 1
    return labels[..., 0] if too_many else labels


def _are_classes(labels: Array, count: int) -> bool:
    if labels.dtype.kind not in "biuf" or not np.isfinite(labels).all():
        return False
    whole = labels.dtype.kind != "f" or bool((labels == np.floor(labels)).all())
    return whole and bool((labels >= 0).all() and (labels < count).all())
