"""The biases of a .tflite file, corrected for what rounding its weights adds on average."""

from collections import Counter
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.formats.tensors import Array
from edgeml_converters.formats.tflite_edit import (
    add_constant,
    floats_of,
    is_constant,
    op_name,
    own_buffer,
    tensor_name,
)
from edgeml_converters.quantise.correction import Mean, shift
from edgeml_converters.quantise.kernels import Slide, read_share, same_padding

# The inputs that take what comes in, and the bias; the weights are the second.
_LAYERS = {
    "CONV_2D": (0, 2),
    "DEPTHWISE_CONV_2D": (0, 2),
    "FULLY_CONNECTED": (0, 2),
    "TRANSPOSE_CONV": (2, 3),
}
_FLOAT = schema.TensorType.FLOAT32
Place = tuple[str, int]
"""A tensor, and into how many channels the layer parts it."""


@dataclass(frozen=True)
class _Layer:
    """weight: [outputs, inputs of a group, taps]. bias: its index, -1 where there is none; bias_at:
    the input that takes it. kernel: taps along height and width; none of a dense layer. given: the
    shape of what it gives."""

    op: Any
    kind: str
    place: Place
    weight: Array
    bias: int
    bias_at: int
    kernel: tuple[int, ...]
    given: tuple[int, ...]

    def shares(self, taken: tuple[int, ...]) -> Array:
        """Of the taps of its kernel; taken: the shape of what it takes."""
        transposed = self.kind == "TRANSPOSE_CONV"
        options = self.op.builtinOptions
        slides = [
            _slide(options, axis, taps, size, self.given[1 + axis], transposed)
            for axis, (taps, size) in enumerate(zip(self.kernel, taken[1:3], strict=False))
        ]
        return read_share(slides, transposed=transposed)


def places(model: Any) -> set[Place]:
    """What layers of the main graph take."""
    return {layer.place for layer in _layers(model)}


def correct_biases(
    model: Any,
    means: Mapping[Place, Mean],
    kept: Container[str],
    per_channel: bool,
) -> None:
    """In place; not those of the ops with an output in `kept`, whose weights are not rounded.

    means: of what layers take; those of others stay as they are.
    """
    main = model.subgraphs[0]
    users = Counter(
        int(i) for taken in (main.outputs, *(op.inputs for op in main.operators)) for i in taken
    )
    for layer in list(_layers(model)):
        made = tensor_name(main.tensors[int(layer.op.outputs[0])])
        if made in kept or layer.place not in means:
            continue
        mean = means[layer.place]
        shares = layer.shares(mean.shape)
        gained = shift(layer.weight, mean.value, per_channel=per_channel, shares=shares)
        index = layer.bias
        known = floats_of(model, main.tensors[index]) if index >= 0 else np.zeros(1)
        corrected = (known + gained).astype(np.float32)
        if index < 0 or users[index] > 1:
            users[index] -= 1
            index = add_constant(model, main, f"{made}_bias", corrected)
            layer.op.inputs = [*map(int, layer.op.inputs[: layer.bias_at]), index]
            continue
        tensor = main.tensors[index]
        own_buffer(model, tensor)
        model.buffers[tensor.buffer].data = np.frombuffer(corrected.tobytes(), np.uint8)


def _layers(model: Any) -> Iterator[_Layer]:
    main = model.subgraphs[0]
    for op in main.operators:
        kind = op_name(model, op)
        if kind not in _LAYERS:
            continue
        given = [int(index) for index in op.inputs]
        at, bias_at = _LAYERS[kind]
        bias = given[bias_at] if len(given) > bias_at else -1
        source, weight = main.tensors[given[at]], main.tensors[given[1]]
        if is_constant(model, source) or source.type != _FLOAT:
            continue
        if not is_constant(model, weight) or weight.type != _FLOAT:
            continue
        if bias >= 0 and not is_constant(model, main.tensors[bias]):
            continue
        values = _outputs_first(kind, floats_of(model, weight))
        channels = values.shape[1]
        if kind != "FULLY_CONNECTED":  # that parts what it takes as its weights are wide
            channels = int(source.shape[-1])
        kernel = () if kind == "FULLY_CONNECTED" else tuple(map(int, weight.shape[1:3]))
        given_shape = tuple(map(int, main.tensors[int(op.outputs[0])].shape))
        place = tensor_name(source), channels
        yield _Layer(op, kind, place, values, bias, bias_at, kernel, given_shape)


def _slide(options: Any, axis: int, taps: int, taken: int, given: int, transposed: bool) -> Slide:
    """axis: 0 for height, 1 for width."""
    step = int((options.strideH, options.strideW)[axis])
    same = options.padding == schema.Padding.SAME
    if transposed:
        padding = same_padding(taps, given, taken, step) if same else 0
        return Slide(taps, taken, given, step, before=padding // 2)
    apart = int((options.dilationHFactor, options.dilationWFactor)[axis])
    given = -(-taken // step) if same else (taken - (taps - 1) * apart - 1) // step + 1
    padding = same_padding(taps, taken, given, step, apart) if same else 0
    return Slide(taps, taken, given, step, apart, padding // 2)


def _outputs_first(kind: str, weight: Array) -> Array:
    """[outputs, inputs of a group, taps]."""
    if kind == "FULLY_CONNECTED":
        return weight
    if kind == "DEPTHWISE_CONV_2D":  # [1, height, width, outputs]
        return weight.reshape(-1, weight.shape[-1]).T[:, None, :]
    return np.moveaxis(weight, -1, 1).reshape(weight.shape[0], weight.shape[-1], -1)
