"""The tensor at which a variant goes wrong."""

import math
from collections.abc import Sequence

from edgeml.evidence import TensorFidelity
from edgeml.manifest import Precision

MARGIN_DB = 6.0
"""A drop by less than a doubled error, 6 dB, is what one more op costs anyway."""

# Sound files were measured at 128 to 141 dB in fp32, 65 to 74 dB in fp16, 26 to 45 dB in int8.
FLOORS_DB: dict[Precision, float] = {
    "fp32": 80.0,
    "fp16": 40.0,
    "int8": 20.0,
    "int8-dynamic": 20.0,
    "int8-weights": 20.0,
}


def culprit(
    tensors: Sequence[TensorFidelity],
    floor_db: float = FLOORS_DB["int8"],
    margin_db: float = MARGIN_DB,
) -> TensorFidelity | None:
    """The tensor of `tensors`, in order of execution, at which it goes wrong; None without.

    Where it is known what each operator adds by itself, the one that adds most, below `floor_db`:
    a branch that is worse beside it hides nothing, and no error from before it counts. Else the
    first whose signal to noise is below `floor_db` and more than `margin_db` below the worst tensor
    before it. An error that grows slowly has no culprit: then no one operator is to blame.
    """
    known = [tensor for tensor in tensors if tensor.own_snr_db is not None]
    if known:
        guilty = min(known, key=lambda tensor: tensor.own_snr_db or 0.0)
        return guilty if (guilty.own_snr_db or 0.0) < floor_db else None
    worst = math.inf
    for tensor in tensors:
        snr_db = math.inf if tensor.snr_db is None else tensor.snr_db
        if snr_db < floor_db and snr_db < worst - margin_db:
            return tensor
        worst = min(worst, snr_db)
    return None
