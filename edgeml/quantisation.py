"""What the integers at a file's inputs and outputs stand for."""

from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.documents import Strict

Array = npt.NDArray[Any]


class Quantisation(Strict, frozen=True, kw_only=True):
    """An integer stands for scale * (integer - zero_point).

    Source: TensorFlow Lite's 8-bit quantisation specification; ONNX's DequantizeLinear is the same.
    scale: of the whole tensor, above 0.
    zero_point: the integer that stands for 0.
    """

    scale: float
    zero_point: int = 0

    def reals(self, integers: Array) -> npt.NDArray[np.float32]:
        """The numbers that the integers stand for, in the same shape."""
        found: npt.NDArray[np.float32] = integers.astype(np.float32) - np.float32(self.zero_point)
        found *= np.float32(self.scale)
        return found

    def as_taken(self, array: Array, dtype: str) -> Array:
        """Floats as the integers that stand for them; integers are taken for those already."""
        return self.integers(array, dtype) if array.dtype.kind == "f" else array

    def integers(self, reals: Array, dtype: str) -> Array:
        """The nearest integers of `dtype`, a half to the even one; what is beyond is cut off."""
        limits = np.iinfo(dtype)
        steps = np.rint(reals / np.asarray(self.scale, reals.dtype)) + self.zero_point
        found: Array = np.clip(steps, limits.min, limits.max).astype(dtype)
        return found
