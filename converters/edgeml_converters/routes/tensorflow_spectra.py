"""Fourier transforms, and what is computed of complex numbers, in two tensors of floats each.

ONNX has no complex tensors, and of the transforms a DFT that tf2onnx does not write and nothing
quantises. TFLite has RFFT where the length is a power of two, and of complex numbers their parts
and their magnitude. A transform of a known length is a product with cosines and sines.
"""

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from edgeml_converters.routes.tensorflow_operators import StandIn, Writer

Write = Callable[[StandIn], "Parts"]


@dataclass(frozen=True)
class Parts:
    """A complex tensor as two of floats."""

    real: Any
    imaginary: Any

    def __pos__(self) -> "Parts":
        return self

    def __neg__(self) -> "Parts":
        return Parts(-self.real, -self.imaginary)

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(self.real + other.real, self.imaginary + other.imaginary)

    def __sub__(self, other: "Parts") -> "Parts":
        return self + -other

    def __mul__(self, other: "Parts") -> "Parts":
        return Parts(
            self.real * other.real - self.imaginary * other.imaginary,
            self.real * other.imaginary + self.imaginary * other.real,
        )

    def __truediv__(self, other: "Parts") -> "Parts":
        square = other.real**2 + other.imaginary**2
        return self * Parts(other.real / square, -other.imaginary / square)

    def squared(self) -> "Parts":
        return self * self

    def conjugate(self) -> "Parts":
        return Parts(self.real, -self.imaginary)

    def exponential(self) -> "Parts":
        length = tf.exp(self.real)
        return Parts(length * tf.cos(self.imaginary), length * tf.sin(self.imaginary))

    def magnitude(self) -> Any:
        return tf.sqrt(self.real**2 + self.imaginary**2)

    def angle(self) -> Any:
        return tf.atan2(self.imaginary, self.real)


def _parts(tensor: Any) -> Write | None:
    """How a complex tensor is written; None where something in it has no such way."""
    operation = tensor.op
    of_kind = _OF_KIND.get(operation.type)
    return None if of_kind is None else of_kind(operation)


def _of_complex(answer: Callable[..., Parts]) -> Callable[[Any], Write | None]:
    """answer: of the parts of each input."""

    def planned(operation: Any) -> Write | None:
        inputs = [_parts(tensor) for tensor in operation.inputs]
        if any(one is None for one in inputs):
            return None
        return lambda given: answer(*(one(given) for one in inputs if one is not None))

    return planned


def _of_floats(answer: Callable[..., Parts]) -> Callable[[Any], Write | None]:
    """answer: of the inputs, which are floats."""

    def planned(operation: Any) -> Write | None:
        if any(tensor.dtype.is_complex for tensor in operation.inputs):
            return None
        kind = operation.outputs[0].dtype.real_dtype
        return lambda given: answer(*(tf.cast(given(one), kind) for one in operation.inputs))

    return planned


def _without_imaginary(real: Any) -> Parts:
    return Parts(real, tf.zeros_like(real))


def _constant(operation: Any) -> Write | None:
    value = tf.get_static_value(operation.outputs[0])
    return lambda _: Parts(tf.constant(value.real), tf.constant(value.imag))


def _arranged(operation: Any) -> Write | None:
    """Reshaped, cut or in another order: the same operator for either part."""
    parts = _parts(operation.inputs[0])
    if parts is None:
        return None
    attributes = dict(operation.node_def.attr)
    complex_kind = operation.inputs[0].dtype
    for name, value in attributes.items():
        if value.type == complex_kind.as_datatype_enum:
            attributes[name] = type(value)(type=complex_kind.real_dtype.as_datatype_enum)

    def write(given: StandIn) -> Parts:
        others = [given(tensor) for tensor in operation.inputs[1:]]
        graph, x = tf.compat.v1.get_default_graph(), parts(given)
        real, imaginary = (
            graph.create_op(operation.type, [part, *others], attrs=attributes).outputs[0]
            for part in (x.real, x.imaginary)
        )
        return Parts(real, imaginary)

    return write


def _waves(times: int, frequencies: int, length: int, kind: Any) -> tuple[Any, Any]:
    """The cosines and sines of 2 pi t f / length: [times, frequencies] each."""
    turns = np.outer(np.arange(times), np.arange(frequencies)) % length / length
    return tf.constant(np.cos(2 * np.pi * turns), kind), tf.constant(
        np.sin(2 * np.pi * turns), kind
    )


def _length(operation: Any) -> int | None:
    """Of a transform of real numbers, where it is known."""
    known = tf.get_static_value(operation.inputs[1])
    return None if known is None else int(known[0])


def _of_real(operation: Any) -> Write | None:
    """sum over t of x(t) exp(-2 pi i t f / length), for f from 0 to length / 2."""
    signal, length = operation.inputs[0], _length(operation)
    if length is None or signal.shape[-1] is None:
        return None
    taken = min(length, int(signal.shape[-1]))

    def write(given: StandIn) -> Parts:
        x = given(signal)[..., :taken]
        cosines, sines = _waves(taken, length // 2 + 1, length, signal.dtype)
        return Parts(tf.matmul(x, cosines), -tf.matmul(x, sines))

    return write


def _transformed(back: bool) -> Callable[[Any], Write | None]:
    """Of complex numbers, or back from them."""

    def planned(operation: Any) -> Write | None:
        parts, length = _parts(operation.inputs[0]), operation.inputs[0].shape[-1]
        if parts is None or length is None:
            return None
        kind = operation.inputs[0].dtype.real_dtype

        def write(given: StandIn) -> Parts:
            x = parts(given)
            cosines, sines = _waves(length, length, length, kind)
            if back:
                cosines, sines = cosines / length, -sines / length
            return Parts(
                tf.matmul(x.real, cosines) + tf.matmul(x.imaginary, sines),
                tf.matmul(x.imaginary, cosines) - tf.matmul(x.real, sines),
            )

        return write

    return planned


_OF_KIND: dict[str, Callable[[Any], Write | None]] = {
    "RFFT": _of_real,
    "FFT": _transformed(back=False),
    "IFFT": _transformed(back=True),
    "Const": _constant,
    "Complex": _of_floats(Parts),
    "Cast": _of_floats(_without_imaginary),
    "Identity": _of_complex(Parts.__pos__),
    "Conj": _of_complex(Parts.conjugate),
    "Neg": _of_complex(Parts.__neg__),
    "AddV2": _of_complex(operator.add),
    "Sub": _of_complex(operator.sub),
    "Mul": _of_complex(operator.mul),
    "RealDiv": _of_complex(operator.truediv),
    "Square": _of_complex(Parts.squared),
    "Exp": _of_complex(Parts.exponential),
    **dict.fromkeys(("Reshape", "Transpose", "ExpandDims", "Squeeze", "StridedSlice"), _arranged),
}


def _to_floats(answer: Callable[[Parts], Any], native: Callable[[Any], bool]) -> Writer:
    """The writer of an operator from complex numbers to floats; native: whether it stays."""

    def writer(operation: Any, _: Mapping[str, Any]) -> Any:
        parts = None if native(operation) else _parts(operation.inputs[0])
        if parts is None:
            return None

        def write(given: StandIn) -> Any:
            return answer(parts(given))

        return write

    return writer


def _back_to_real(operation: Any, _: Mapping[str, Any]) -> Any:
    """The writer of IRFFT: each frequency between the first and the last stands for two."""
    parts, length, known = (
        _parts(operation.inputs[0]), _length(operation), operation.inputs[0].shape[-1],
    )  # fmt: skip
    if parts is None or length is None or known is None:
        return None
    taken = min(length // 2 + 1, int(known))
    twice = [1.0 if f in (0, length / 2) else 2.0 for f in range(taken)]

    def write(given: StandIn) -> Any:
        x = parts(given)
        real, imaginary = x.real[..., :taken], x.imaginary[..., :taken]
        cosines, sines = _waves(taken, length, length, operation.outputs[0].dtype)
        weights = tf.constant(twice, cosines.dtype)[:, tf.newaxis] / length
        return tf.matmul(real, cosines * weights) - tf.matmul(imaginary, sines * weights)

    return write


def _is_tflites(operation: Any) -> bool:
    """Whether TFLite computes it: a part of a transform whose length is a power of two."""
    transform = operation.inputs[0].op
    length = _length(transform) if transform.type == "RFFT" else None
    return length is not None and length & (length - 1) == 0 and operation.type != "Angle"


def _writers(native: Callable[[Any], bool]) -> dict[str, Writer]:
    answers: dict[str, Callable[[Parts], Any]] = {
        "Real": operator.attrgetter("real"),
        "Imag": operator.attrgetter("imaginary"),
        "ComplexAbs": Parts.magnitude,
        "Angle": Parts.angle,
    }
    to_floats = {kind: _to_floats(answer, native) for kind, answer in answers.items()}
    return {**to_floats, "IRFFT": _back_to_real}


def _never(_: Any) -> bool:
    return False


FOR_ONNX = _writers(_never)
FOR_TFLITE = _writers(_is_tflites)
"""Writers by the operator's kind, see tensorflow_operators.WRITTEN."""
