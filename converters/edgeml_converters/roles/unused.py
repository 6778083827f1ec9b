"""What people are told of labels that decide nothing."""

from collections.abc import Collection

import numpy as np

from edgeml_converters.formats.tensors import Array, Arrays
from edgeml_converters.roles.labels import Tellings

_NOTHING = 0.2
"""Labels than which more others agree better are said to know nothing."""


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
    if not told and labels.dtype.kind == "f" and not np.isfinite(labels).all():
        return (f"{said} hold NaN or infinity and decide nothing; leave those samples out.",)
    if not told:
        return (
            f"{said} fit no output ({outputs}) and decide nothing; labels are numbers from 0 on or "
            "names of an output's classes, or targets in an output's shape.",
        )
    if all(of.chance.better > _NOTHING for of in told.values()):
        return (
            f"{said} agree with no output that they fit ({outputs}) better than by chance; look "
            "whether they are of these samples, and numbered as the model's classes are.",
        )
    if known or any(of.role is not None for of in told.values()):
        return ()
    name, of = next(iter(told.items()))
    may_be = "logits" if of.targets is None else "regression,error=0.1"
    which = "are of it and in its unit" if len(told) == 1 else "are of one of them, and of which"
    return (
        f"{said} fit {outputs}, but decide nothing: these samples do not show whether they "
        f"{which}; say by --output what it is, as in --output {name}={may_be}.",
    )
