"""Static int8 in ONNX: QuantizeLinear and DequantizeLinear around every op that ONNX Runtime
computes in int8, by the ranges of activations."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationMethod,
    QuantType,
    TensorData,
    TensorsData,
    quantize_static,
    save_tensors_data,
)
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

from edgeml_converters.formats.moves import ONNX_MOVES
from edgeml_converters.formats.tensors import Ranges
from edgeml_converters.quantise.activations import LARGE_SOFTMAX
from edgeml_converters.quantise.onnx.graph import taken
from edgeml_converters.quantise.onnx.outputs import drop_needless_rounding, hand_on_inputs
from edgeml_converters.quantise.onnx.shared import part_by_axis

OPS = frozenset({*QDQRegistry, *QLinearOpsRegistry})


def quantise_static(
    model: onnx.ModelProto, ranges: Ranges, kept: set[str], per_channel: bool, scratch: Path
) -> onnx.ModelProto:
    """The model with int8 weights and activations wherever ONNX Runtime has a kernel for it.

    ranges: of the activations. kept: nodes that stay float. scratch: a folder for files.
    """
    if per_channel:
        part_by_axis(model)
    cache, target = scratch / "ranges.json", scratch / "static.onnx"
    data: dict[str, Any] = {
        name: TensorData(lowest=np.array(low, np.float32), highest=np.array(high, np.float32))
        for name, (low, high) in ranges.items()
    }
    save_tensors_data(TensorsData(CalibrationMethod.MinMax, data), cache)
    quantize_static(
        model,
        target,
        op_types_to_quantize=sorted(OPS),
        per_channel=per_channel,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=sorted(kept),
        calibration_cache_path=cache,
    )
    quantised = onnx.load(target)
    drop_needless_rounding(quantised.graph, model.graph, OPS, kept)
    hand_on_inputs(quantised.graph, model.graph, kept)
    return quantised


def touching(model: onnx.ModelProto, tensors: frozenset[str]) -> set[str]:
    """The names of the nodes that take or make one of the tensors."""
    return {node.name for node in model.graph.node if tensors & {*node.input, *node.output}}


def grouped_transposed(model: onnx.ModelProto) -> set[str]:
    """The names of the transposed convolutions in groups, whose weights are int8 by our own code.

    ONNX Runtime 1.32 gives such a bias one scale for each channel of a group, and raises; it has no
    kernel in int8 for any of them.
    """
    return {
        node.name
        for node in model.graph.node
        if node.op_type == "ConvTranspose"
        and any(one.name == "group" and one.i > 1 for one in node.attribute)
    }


def moves_of_inputs(model: onnx.ModelProto) -> set[str]:
    """The names of the nodes that only move what the model is given, for its answers alone: what
    nothing computes with needs no rounding."""
    graph = model.graph
    fixed = {tensor.name for tensor in graph.initializer}
    given = {value.name for value in graph.input}
    moves: list[onnx.NodeProto] = []
    for node in graph.node:
        # What is behind the first says where to, but for what is joined.
        moved = set(node.input if node.op_type == "Concat" else node.input[:1])
        if node.op_type in ONNX_MOVES and given & moved and given | fixed >= moved:
            moves.append(node)
            given |= set(node.output)
    takers: dict[str, set[str]] = {}
    for node in graph.node:
        for name in taken(node):
            takers.setdefault(name, set()).add(node.name)
    found: set[str] = set()
    for node in reversed(moves):
        if all(takers.get(name, set()) <= found for name in node.output):
            found.add(node.name)
    return found


def large_softmaxes(model: onnx.ModelProto) -> set[str]:
    """The names of the nodes whose values int8 cannot tell apart."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = {v.name: v.type.tensor_type.shape.dim for v in (*graph.value_info, *graph.output)}
    large: set[str] = set()
    for node in graph.node:
        shape = shapes.get(node.output[0])
        if node.op_type == "Softmax" and shape:
            axis = next((a.i for a in node.attribute if a.name == "axis"), -1)
            if shape[axis].dim_value >= LARGE_SOFTMAX:
                large.add(node.name)
    return large
