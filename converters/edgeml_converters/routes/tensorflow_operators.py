"""TensorFlow's operators that ONNX or TFLite lack, written with those that both have."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from edgeml.errors import ConversionError
from edgeml_converters.bisect.origin import source_of
from edgeml_converters.frameworks.keras_words import behind
from edgeml_converters.routes.tensorflow_resizing import resized

# What works on text, or makes hashes of it.
ON_TEXT = re.compile(r"AsString|String|Regex|Unicode|Substr|SparseCross")
_SIGN = int(tf.int32.min)  # the bit of a float32's sign

# (a tensor of the frozen graph) -> what stands for it in the graph that is written
StandIn = Callable[[Any], Any]
# (what stands for a tensor) -> the answer; None where an operator stays as it is
Write = Callable[[StandIn], Any] | None
# (the operator in the frozen graph, what the function has captured by the names of its inputs)
Writer = Callable[[Any, Mapping[str, Any]], Write]


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


def _looked_up(operation: Any, captured: Mapping[str, Any]) -> Write:
    """A table as two constants, its keys in their order; found by halving what is left."""
    kinds = {"Tkeys": operation.get_attr("Tin"), "Tvalues": operation.get_attr("Tout")}
    if tf.string in kinds.values():
        raise ConversionError(_before(operation))
    handle = operation.inputs[0].op
    while handle.type == "Identity":
        handle = handle.inputs[0].op
    if handle.name not in captured:
        return None
    table = tf.raw_ops.LookupTableExportV2(table_handle=captured[handle.name], **kinds)
    keys, values = (one.numpy() for one in table)
    order = np.argsort(keys)
    keys, values = keys[order], values[order]

    def write(given: StandIn) -> Any:
        x, default = (given(tensor) for tensor in operation.inputs[1:])
        if not len(keys):
            return tf.fill(tf.shape(x), default)
        place = tf.zeros_like(x, tf.int32)
        for power in reversed(range((len(keys) - 1).bit_length())):
            further = tf.minimum(place + 2**power, len(keys) - 1)
            place = tf.where(tf.gather(keys, further) <= x, further, place)
        return tf.where(tf.equal(tf.gather(keys, place), x), tf.gather(values, place), default)

    return write


def _counted(operation: Any, _: Mapping[str, Any]) -> Write:
    """How often each number comes up, or whether it does; of each row where there are rows."""
    bound = _bound(operation.inputs[1])
    kind = operation.outputs[0].dtype
    weighted = operation.inputs[2].shape.num_elements() != 0

    def write(given: StandIn) -> Any:
        x = given(operation.inputs[0])
        numbers = tf.range(given(operation.inputs[1]) if bound is None else bound)
        hot = tf.cast(tf.equal(x[..., tf.newaxis], tf.cast(numbers, x.dtype)), kind)
        if operation.get_attr("binary_output"):
            return tf.reduce_max(hot, axis=-2)
        if weighted:
            hot *= given(operation.inputs[2])[..., tf.newaxis]
        return tf.reduce_sum(hot, axis=-2)

    return write


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


def _bucket(operation: Any, _: Mapping[str, Any]) -> Write:
    """How many boundaries are not above each number."""
    boundaries = tf.constant(operation.get_attr("boundaries"), tf.float32).numpy()

    def write(given: StandIn) -> Any:
        x = tf.cast(given(operation.inputs[0]), tf.float32)[..., tf.newaxis]
        return tf.reduce_sum(tf.cast(x >= boundaries, tf.int32), axis=-1)

    return write


def _sign(operation: Any, _: Mapping[str, Any]) -> Write:
    """The bit of the sign of floats, by arithmetic: Keras' arg max looks for -0.0 by it."""
    for source, mask in (operation.inputs, reversed(operation.inputs)):
        of_floats = source.op.type == "Bitcast" and source.op.inputs[0].dtype == tf.float32
        if of_floats and np.array_equal(tf.get_static_value(mask), _SIGN):
            floats = source.op.inputs[0]

            def write(given: StandIn, floats: Any = floats) -> Any:
                x = given(floats)
                return tf.where((x < 0) | (tf.equal(x, 0) & (1 / x < 0)), _SIGN, 0)

            return write
    return None


WRITTEN: dict[str, Writer] = {
    "LookupTableFindV2": _looked_up,
    "DenseBincount": _counted,
    "Bucketize": _bucket,
    "BitwiseAnd": _sign,
    "ResizeBicubic": lambda operation, _: resized(operation),
    "ResizeArea": lambda operation, _: resized(operation),
    "ScaleAndTranslate": lambda operation, _: resized(operation),
}
"""By the operator's kind."""
