"""Weights that layers share along different axes, as two halves of a net may."""

import onnx

from edgeml_converters.formats.layers import ONNX_WEIGHTS
from edgeml_converters.quantise.onnx.weights import channel_axis


def part_by_axis(model: onnx.ModelProto) -> None:
    """Gives each axis along which layers of the main graph have their channels a weight of its own,
    in place; the first layer takes it as it is.

    ONNX Runtime 1.32's quantiser gives such a weight the scales of one axis alone. At the level
    "all" its kernels take them for those of another, and raise where there are not as many.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    first: dict[str, int] = {}
    parted: set[str] = set()
    for node in model.graph.node:
        for position in ONNX_WEIGHTS.get(node.op_type, ()):
            name = node.input[position] if position < len(node.input) else ""
            tensor = constants.get(name)
            axis = None if tensor is None else channel_axis(node, position, len(tensor.dims))
            if tensor is None or axis is None or len(tensor.dims) < 2:
                continue
            known = first.setdefault(name, axis)
            if axis == known:
                continue
            node.input[position] = f"{name}_by_{axis}"
            if node.input[position] not in parted:
                parted.add(node.input[position])
                copy = model.graph.initializer.add()
                copy.CopyFrom(tensor)
                copy.name = node.input[position]
