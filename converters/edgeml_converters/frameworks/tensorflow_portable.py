"""Keras' own operators while a model is traced, without what no other format has."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf


@contextmanager
def portable() -> Generator[None]:
    """While it lasts, Keras 3 reads signs by arithmetic, not by the bits of floats.

    Its argmax and argmin look for -0.0, and neither ONNX nor TFLite has Bitcast with BitwiseAnd.
    """
    numpy: Any = sys.modules.get("keras.src.backend.tensorflow.numpy")
    signbit = getattr(numpy, "signbit", None)
    if signbit is None:
        yield
        return

    def by_arithmetic(x: Any) -> Any:
        x = tf.convert_to_tensor(x)
        if not x.dtype.is_floating:
            return signbit(x)
        return (x < 0) | ((x == 0) & (1 / x < 0))

    numpy.signbit = by_arithmetic
    try:
        yield
    finally:
        numpy.signbit = signbit
