"""The real models really converted, and what their tasks lose by the files that came of it."""

from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from edgeml.manifest import Precision
from tests.converters.zoo.conversions import at_once
from tests.converters.zoo.converted import Asked, Converted, converted
from tests.converters.zoo.members.member import Costs
from tests.converters.zoo.real import listeners, readers
from tests.converters.zoo.real.real import Real

PRECISIONS: tuple[Precision, ...] = ("fp32", "int8", "int8-weights")
MODELS: tuple[Real, ...] = (
    readers.READING,
    readers.TURNING,
    readers.FINDING,
    listeners.NOTES,
    listeners.VOICES,
    listeners.SPEECH,
)
BY_NAME = {real.name: real for real in MODELS}


@dataclass(frozen=True)
class Found:
    """own: how bad the model itself is at its task."""

    real: Real
    own: Costs
    files: list[Converted]


def convert_real(real: Real, folder: Path, precisions: tuple[Precision, ...] = PRECISIONS) -> Found:
    """See converted.converted."""
    known = real.known()
    asked = Asked(
        real.name, real.source, known, np.arange(real.proof), real.calibration(), real.labels,
        real.outputs, real.options,
    )  # fmt: skip
    return Found(real, known.own_costs, [*converted(asked, folder, real.formats, precisions)])


def convert_reals(folder: Path) -> AbstractContextManager[dict[str, Future[Found]]]:
    """All of them to all of their formats in all precisions; what is said as it comes."""
    return at_once({real.name: partial(convert_real, real, folder) for real in MODELS})
