"""Tensors in all rooms: the types of arrays, and what a model or a file declares."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.documents import Strict
from edgeml.quantisation import Quantisation

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]  # by name, first axis the sample
Floats = npt.NDArray[np.float64]
Names = dict[str, str]  # the contract's name -> the file's
Range = tuple[float, float]  # the smallest and the largest value
Ranges = dict[str, Range]
Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
AROUND = "edgeml_inside"
"""The attribute by which a module of edgeml holds the model that it is around; no part of a path
that people read."""


class ModelInput(Strict, frozen=True, kw_only=True):
    """An input as the framework's model declares it; None where it does not say.

    quantisation: what its integers stand for, in whose place it is given floats.
    """

    name: str
    dtype: str | None = None
    shape: tuple[int | None, ...] | None = None
    required: bool = True
    quantisation: Quantisation | None = None


class Feedback(Strict, frozen=True, kw_only=True):
    """Which outputs are given to which inputs at the next step.

    states: output -> input. starts: the steps that begin a sequence, with the states in the data.
    """

    states: dict[str, str]
    starts: tuple[int, ...] = (0,)


class FileTensor(Strict, frozen=True, kw_only=True):
    """A tensor as a converted file declares it; -1 is a free size.

    quantisation: what its integers stand for; None where they are meant themselves.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    quantisation: Quantisation | None = None

    def as_input(self, name: str | None = None) -> ModelInput:
        """As a framework's model would declare it; name: where it has another one there."""
        shape = tuple(None if size == -1 else size for size in self.shape)
        return ModelInput(
            name=name or self.name, dtype=self.dtype, shape=shape, quantisation=self.quantisation
        )

    def as_taken(self, array: Array) -> Array:
        """Floats rounded to the integers that stand for them, where those are what it takes."""
        means = self.quantisation
        return array if means is None else means.as_taken(array, self.dtype)


@dataclass(frozen=True)
class Integers:
    """The inputs and outputs of a file whose integers stand for floats, by the contract's names."""

    inputs: Mapping[str, FileTensor] = field(default_factory=dict[str, FileTensor])
    outputs: Mapping[str, FileTensor] = field(default_factory=dict[str, FileTensor])


def as_array(value: Any) -> Array:
    """A tensor of PyTorch or TensorFlow, or whatever numpy takes, as an array."""
    tensor = value.detach().cpu() if hasattr(value, "detach") else value  # PyTorch's
    return np.asarray(tensor.numpy() if hasattr(tensor, "numpy") else tensor)
