"""What a file shows of its inside, whatever its format."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml_converters.formats.tensors import Arrays


@dataclass(frozen=True)
class Place:
    """A float tensor of a file.

    op: what computes it. hints: names that may tell where in the model it comes from. dtype: in
    the file.
    """

    name: str
    op: str
    hints: tuple[str, ...]
    dtype: str


class Probe(ABC):
    """A file opened so that its tensors can be seen.

    places: its float tensors, and the quantised ones that stand for one, in order of execution.
    """

    places: tuple[Place, ...]

    @abstractmethod
    def run(self, feeds: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Every tensor of `places` as float32 or wider, by name.

        feeds: one sample, by the file's own names; all tensors of several would take much memory.
        """


def wide(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """float16 as float32, in which its differences have no rounding of their own."""
    return values if values.dtype.itemsize >= 4 else values.astype(np.float32)
