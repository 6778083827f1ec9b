"""Images among the outputs whose values are right but whose axes are in another order."""

import numpy as np

from edgeml.faults import Fault, Finding
from edgeml.parity import Array
from edgeml_converters.formats.tensors import Arrays

_AXES_BACK = {"channels last": (0, 3, 1, 2), "channels first": (0, 2, 3, 1)}


def permuted_layouts(answers: Arrays, expected: Arrays, engine: str) -> tuple[Finding, ...]:
    """A finding for each output of four axes that agrees with the model only when transposed."""
    return tuple(
        Finding(
            fault=Fault.PERMUTED_LAYOUT,
            severity="error",
            message=f"{engine} gives {name!r} as the model does, but {where}; convert with "
            "--layout, so that contract and file have one layout.",
            where=name,
            engines=(engine,),
        )
        for name, image in expected.items()
        if image.ndim == 4 and not _same(answers[name], image)
        for where, axes in _AXES_BACK.items()
        if answers[name].ndim == 4 and _same(answers[name].transpose(axes), image)
    )


def _same(answered: Array, expected: Array) -> bool:
    if answered.shape != expected.shape:
        return False
    limit = 1e-3 * max(1.0, float(np.abs(expected).max(initial=0.0)))
    return bool(np.allclose(answered, expected, rtol=0.0, atol=limit))
