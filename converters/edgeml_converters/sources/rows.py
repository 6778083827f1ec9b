"""Which samples calibrate, which show parity, and which a device re-checks."""

import numpy as np
import numpy.typing as npt

from edgeml.errors import InputError
from edgeml_converters.sources.data import Data

Rows = npt.NDArray[np.intp]


def spread(samples: int, limit: int) -> Rows:
    """At most `limit` indices, evenly over all samples."""
    return np.linspace(0, samples - 1, min(samples, limit)).round().astype(np.intp)


def split(data: Data, limit: int) -> tuple[Rows, Rows]:
    """Rows to show parity on, and at most `limit` others, evenly between them, to calibrate on.

    Never the same rows: a calibrator would be praised for what it has seen. Raises InputError when
    there is only one sample to share.
    """
    every = np.arange(data.samples)
    if limit == 0:
        return every, every[:0]
    if data.samples < 2:
        raise InputError(
            f"{data.path} holds 1 sample, but static int8 needs some to calibrate on and others to "
            "show parity; give at least 2, better 100."
        )
    others = every[1::2]
    calibration = others[spread(len(others), limit)]
    return np.setdiff1d(every, calibration), calibration
