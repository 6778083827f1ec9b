"""TensorFlow's operators that ONNX or TFLite lack, written with those that both have."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from edgeml.errors import ConversionError
from edgeml_converters.bisect.origin import source_of
from edgeml_converters.formats.tensors import Array
from edgeml_converters.frameworks.keras_words import behind

# What works on text, or makes hashes of it.
ON_TEXT = re.compile(r"AsString|String|Regex|Unicode|Substr|SparseCross")
_LOOKUP = "LookupTableFindV2"
_SIGN = int(tf.int32.min)  # the bit of a float32's sign


class Operator:
    """One operator of a frozen graph, for another graph in which it is written anew.

    table: keys and values of the table that it looks up in; None for another kind.
    """

    def __init__(self, operation: Any, captured: Mapping[str, Any]) -> None:
        """captured: what the function captured, by the names of the inputs that stand for it."""
        self.operation = operation
        self.table = _table(operation, captured) if operation.type == _LOOKUP else None
        self.given: dict[str, str] = {}
        """Which tensor of the frozen graph each placeholder stands for."""

    @property
    def inputs(self) -> tuple[Any, ...]:
        return tuple(self.stand_in(tensor) for tensor in self.operation.inputs)

    def stand_in(self, tensor: Any) -> Any:
        """For a tensor of the frozen graph."""
        name = f"given_{len(self.given)}"
        self.given[name] = tensor.name
        return tf.compat.v1.placeholder(tensor.dtype, tensor.shape, name=name)

    def constant(self, place: int) -> Array | None:
        """The value of an input; None where it is computed."""
        value: Array | None = tf.get_static_value(self.operation.inputs[place])
        return value

    def attribute(self, name: str) -> Any:
        return self.operation.get_attr(name)


def refuse_text(outputs: Sequence[Any]) -> None:
    """Raises ConversionError where the outputs are made of text, by the layer that is to blame."""
    seen: set[str] = set()
    waiting = [tensor.op for tensor in outputs]
    while waiting:
        operation = waiting.pop()
        if operation.name in seen:
            continue
        seen.add(operation.name)
        if ON_TEXT.search(operation.type):
            raise ConversionError(_before(operation))
        waiting += [tensor.op for tensor in operation.inputs]


def _before(operation: Any) -> str:
    layer = source_of(operation.name)
    rest = f", which in Keras is {behind(layer)}" if layer else ""
    return (
        f"{f'the layer {layer}' if layer else 'the model'} computes with {operation.type}, of "
        "which ONNX and TFLite have no like; compute that before the model, and convert what "
        f"follows it{rest}"
    )


def _table(operation: Any, captured: Mapping[str, Any]) -> tuple[Array, Array] | None:
    kinds = {"Tkeys": operation.get_attr("Tin"), "Tvalues": operation.get_attr("Tout")}
    if tf.string in kinds.values():
        raise ConversionError(_before(operation))
    handle = operation.inputs[0].op
    while handle.type == "Identity":
        handle = handle.inputs[0].op
    if handle.name not in captured:
        return None
    keys, values = tf.raw_ops.LookupTableExportV2(table_handle=captured[handle.name], **kinds)
    return keys.numpy(), values.numpy()


def _looked_up(operator: Operator) -> Any:
    """A table as two constants, its keys in their order; found by halving what is left."""
    if operator.table is None:
        return None
    keys, values = operator.table
    _, x, default = operator.inputs
    if not len(keys):
        return tf.fill(tf.shape(x), default)
    order = np.argsort(keys)
    keys, values = keys[order], values[order]
    place = tf.zeros_like(x, tf.int32)
    for power in reversed(range((len(keys) - 1).bit_length())):
        further = tf.minimum(place + 2**power, len(keys) - 1)
        place = tf.where(tf.gather(keys, further) <= x, further, place)
    return tf.where(tf.equal(tf.gather(keys, place), x), tf.gather(values, place), default)


def _counted(operator: Operator) -> Any:
    """How often each number comes up, or whether it does; of each row where there are rows."""
    x, size, weights = operator.inputs
    kind = operator.operation.outputs[0].dtype
    bound = _bound(operator.operation.inputs[1])
    numbers = tf.range(size if bound is None else bound)
    hot = tf.cast(tf.equal(x[..., tf.newaxis], tf.cast(numbers, x.dtype)), kind)
    if operator.attribute("binary_output"):
        return tf.reduce_max(hot, axis=-2)
    if weights.shape.num_elements() != 0:
        hot *= weights[..., tf.newaxis]
    return tf.reduce_sum(hot, axis=-2)


def _bound(size: Any) -> int | None:
    """A size that is known, also where it is written as min(n, max(n, what comes up))."""
    known = tf.get_static_value(size)
    if known is not None:
        return int(known)
    if size.op.type != "Minimum":
        return None
    for most, least in (size.op.inputs, reversed(size.op.inputs)):
        at_most = tf.get_static_value(most)
        if at_most is not None and least.op.type == "Maximum":
            at_least = [tf.get_static_value(one) for one in least.op.inputs]
            if any(one is not None and one >= at_most for one in at_least):
                return int(at_most)
    return None


def _bucket(operator: Operator) -> Any:
    """How many boundaries are not above each number."""
    boundaries = tf.constant(operator.attribute("boundaries"), tf.float32)
    x = tf.cast(operator.inputs[0], tf.float32)[..., tf.newaxis]
    return tf.reduce_sum(tf.cast(x >= boundaries, tf.int32), axis=-1)


def _sign(operator: Operator) -> Any:
    """The bit of the sign of floats, by arithmetic: Keras' arg max looks for -0.0 by it."""
    for place in (0, 1):
        source = operator.operation.inputs[place].op
        of_floats = source.type == "Bitcast" and source.inputs[0].dtype == tf.float32
        if of_floats and np.array_equal(operator.constant(1 - place), _SIGN):
            x = operator.stand_in(source.inputs[0])
            negative = (x < 0) | (tf.equal(x, 0) & (1 / x < 0))
            return tf.where(negative, _SIGN, 0)
    return None


WRITTEN: dict[str, Callable[[Operator], Any]] = {
    _LOOKUP: _looked_up,
    "DenseBincount": _counted,
    "Bucketize": _bucket,
    "BitwiseAnd": _sign,
}
"""By the operator's kind; one that answers None stays as it is."""
