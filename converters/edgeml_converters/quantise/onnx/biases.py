"""The biases of an ONNX graph, corrected for what rounding its weights adds on average."""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from edgeml_converters.formats.tensors import Array
from edgeml_converters.quantise.correction import Mean, shift
from edgeml_converters.quantise.kernels import read_share
from edgeml_converters.quantise.onnx.graph import taken
from edgeml_converters.quantise.onnx.kernels import slides_of
from edgeml_converters.quantise.onnx.weights import channel_axis

_CONVOLUTIONS = ("Conv", "ConvTranspose")
Place = tuple[str, int]
"""A tensor, and the axis of its channels."""


@dataclass(frozen=True)
class _Layer:
    """axis: of the outputs in the weights, which are the second input. biased: the node that takes
    its bias, and where."""

    node: onnx.NodeProto
    weight: onnx.TensorProto
    axis: int
    biased: onnx.NodeProto
    bias_at: int

    @property
    def place(self) -> Place:
        return self.node.input[0], 1 if self.node.op_type in _CONVOLUTIONS else -1

    def shares(self, taken: tuple[int, ...]) -> Array:
        """Of the taps of its kernel; taken: the shape of what it takes."""
        if self.node.op_type not in _CONVOLUTIONS:
            return np.ones(1)
        transposed = self.node.op_type == "ConvTranspose"
        kernel, sizes = self.weight.dims[2:], taken[2:]
        slides = slides_of(_attributes(self.node), kernel, sizes, transposed=transposed)
        return read_share(slides, transposed=transposed)


def places(model: onnx.ModelProto) -> set[Place]:
    """What layers take whose biases can be corrected."""
    return {layer.place for layer in _layers(model)}


def correct_biases(
    model: onnx.ModelProto,
    means: Mapping[Place, Mean],
    kept: Container[str],
    per_channel: bool,
) -> None:
    """In place; not those of the nodes in `kept`, whose weights are not rounded.

    means: of what layers take; those of others stay as they are.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    for layer in list(_layers(model)):
        if layer.node.name in kept or layer.place not in means:
            continue
        weight = np.moveaxis(numpy_helper.to_array(layer.weight), layer.axis, 0)
        mean = means[layer.place]
        shares = layer.shares(mean.shape)
        gained = shift(weight, mean.value, per_channel=per_channel, shares=shares)
        inputs = layer.biased.input
        known = inputs[layer.bias_at] if layer.bias_at < len(inputs) else ""
        bias: Array = numpy_helper.to_array(constants[known]) if known else np.zeros(1)
        name = f"{layer.node.name}_corrected_bias"
        corrected = (bias + gained).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(corrected, name))
        if layer.bias_at < len(inputs):
            inputs[layer.bias_at] = name
        else:
            inputs.append(name)


def _layers(model: onnx.ModelProto) -> Iterator[_Layer]:
    """Those of the main graph that have a bias, or have room for one."""
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    answers = {value.name for value in graph.output}
    takers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in taken(node):
            takers.setdefault(name, []).append(node)
    for node in graph.node:
        weight = constants.get(node.input[1]) if len(node.input) > 1 else None
        if weight is None or weight.data_type != onnx.TensorProto.FLOAT:
            continue
        if node.input[0] in constants or not _is_plain(node, len(weight.dims)):
            continue
        axis = channel_axis(node, 1, len(weight.dims))
        biased, at = node, 2
        if node.op_type == "MatMul":
            behind = takers.get(node.output[0], [])
            if len(behind) != 1 or behind[0].op_type != "Add" or node.output[0] in answers:
                continue
            biased, at = behind[0], int(behind[0].input[0] == node.output[0])
        assert axis is not None
        known = biased.input[at] if at < len(biased.input) else ""
        width = int(weight.dims[axis])
        if known and (known not in constants or not _is_row(constants[known], width)):
            continue
        yield _Layer(node, weight, axis, biased, at)


def _is_row(bias: onnx.TensorProto, width: int) -> bool:
    return list(bias.dims)[-1:] == [width] == [prod(bias.dims)]


def _is_plain(node: onnx.NodeProto, rank: int) -> bool:
    """Whether it adds its bias to the plain product of what it takes and two axes or more."""
    attributes = _attributes(node)
    match node.op_type:
        case "Conv":
            return True
        case "ConvTranspose":
            return bool(attributes.get("group", 1) == 1)
        case "Gemm":
            scaled = attributes.get("alpha", 1.0) != 1.0 or attributes.get("beta", 1.0) != 1.0
            return not (scaled or attributes.get("transA"))
        case "MatMul":
            return rank == 2
        case _:
            return False


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {one.name: helper.get_attribute_value(one) for one in node.attribute}
