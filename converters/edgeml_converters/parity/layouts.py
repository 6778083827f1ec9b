"""An output that is right but for where its channels stand."""

import numpy as np

from edgeml.faults import Fault, Finding
from edgeml.parity import Array
from edgeml_converters.formats.tensors import Arrays

_MOVES = {"channels last": (0, 3, 1, 2), "channels first": (0, 2, 3, 1)}


def moved(answers: Arrays, expected: Arrays, engine: str) -> tuple[Finding, ...]:
    """A finding for each image among the outputs that agrees only once its axes are moved back."""
    return tuple(
        Finding(
            fault=Fault.PERMUTED_LAYOUT,
            severity="error",
            message=f"{engine} gives {name!r} as the model does, but {where}; convert with "
            "--layout, so that contract and file have one layout.",
            where=name,
            engines=(engine,),
        )
        for name, wanted in expected.items()
        if wanted.ndim == 4 and not _same(answers[name], wanted)
        for where, axes in _MOVES.items()
        if answers[name].ndim == 4 and _same(answers[name].transpose(axes), wanted)
    )


def _same(found: Array, wanted: Array) -> bool:
    if found.shape != wanted.shape:
        return False
    limit = 1e-3 * max(1.0, float(np.abs(wanted).max(initial=0.0)))
    return bool(np.allclose(found, wanted, rtol=0.0, atol=limit))
