"""What a file shows of its inside, whatever its format."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

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
    samples: how many it takes at once.
    """

    places: tuple[Place, ...]
    samples: int

    @abstractmethod
    def run(self, feeds: Arrays) -> dict[str, npt.NDArray[Any]]:
        """Every tensor of `places` as float64, by name; feeds: by the file's own names."""
