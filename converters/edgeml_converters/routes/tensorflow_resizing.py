"""Images in another size as two products of matrices, for what formats cannot interpolate.

Each way to resize is linear along the rows and along the columns, so that TensorFlow's own answers
to single pixels are the matrices.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from edgeml_converters.formats.tensors import Array

# Besides the images, by the operators' own names, with what leaves a single pixel as it is.
_OTHERS = {"size": 1, "scale": 1.0, "translation": 0.0}
_OPTIONS = ("align_corners", "half_pixel_centers", "kernel_type", "antialias")


def resized(operation: Any) -> Callable[[Callable[[Any], Any]], Any] | None:
    """How to write it, a Write of tensorflow_operators; None where a size is known only when it
    runs.

    operation: takes images (batch, height, width, channels), and of height and width the new size,
    as ScaleAndTranslate also a scale and a shift.
    """
    images, *others = operation.inputs
    height, width, channels = images.shape[1:]
    given = {name: _computed(tensor) for name, tensor in zip(_OTHERS, others, strict=False)}
    if None in (height, width, channels) or any(value is None for value in given.values()):
        return None
    known = {name: value for name, value in given.items() if value is not None}
    by_rows = _matrix(operation, 0, height, known)
    by_columns = _matrix(operation, 1, width, known)

    def write(given: Callable[[Any], Any]) -> Any:
        rows = tf.reshape(tf.cast(given(images), tf.float32), (-1, height, width * channels))
        columns = tf.reshape(tf.matmul(by_rows, rows), (-1, len(by_rows), width, channels))
        return tf.matmul(by_columns, columns)

    return write


def _matrix(operation: Any, axis: int, length: int, known: Mapping[str, Array]) -> Array:
    """(new length, length), float32, of one axis; the other one has a single pixel."""
    options: dict[str, Any] = {
        name: operation.get_attr(name) for name in _OPTIONS if name in operation.node_def.attr
    }
    for name, values in known.items():
        kept = [value if place == axis else _OTHERS[name] for place, value in enumerate(values)]
        options[name] = np.array(kept, values.dtype)
    pixels = np.eye(length, dtype=np.float32).reshape(
        (length, length, 1, 1) if axis == 0 else (length, 1, length, 1)
    )
    answer = getattr(tf.raw_ops, operation.type)(images=pixels, **options)
    return np.ascontiguousarray(answer.numpy().reshape(length, -1).T)


def _computed(tensor: Any) -> Array | None:
    """The value of a tensor that depends on no input, but for the sizes of a sample."""
    waiting, seen, shapes = [tensor.op], set[str](), list[Any]()
    while waiting:
        operation = waiting.pop()
        if operation.name in seen:
            continue
        seen.add(operation.name)
        if operation.type == "Placeholder":
            return None
        if operation.type == "Shape":
            shapes.append(operation)
        else:
            waiting += [one.op for one in operation.inputs]
    sizes = [operation.inputs[0].shape for operation in shapes]
    if any(one.rank is None or None in one[1:] for one in sizes):
        return None
    with tf.compat.v1.Session(graph=tensor.graph) as session:
        values = [
            session.run(
                tensor,
                {
                    operation.outputs[0].name: [batch if axis is None else axis for axis in one]
                    for operation, one in zip(shapes, sizes, strict=True)
                },
            )
            for batch in (1, 2)
        ]
    return values[0] if np.array_equal(*values) else None
