"""Weights stored as int8: for int8-weights, and for what ONNX Runtime's quantisers leave in float
(recurrent layers, transposed convolutions, embeddings, loops).

A layer takes Cast(int8) * scale. ONNX Runtime computes that once, when it loads the file, and runs
at the speed of float; DequantizeLinear it would run at every call, which is the same arithmetic and
took 12 times as long as the float file for one sample through four dense layers of 1024 units.
"""

from collections.abc import Container

import onnx
from onnx import helper, numpy_helper

from edgeml_converters.formats.layers import ONNX_WEIGHTS
from edgeml_converters.formats.onnx_walk import Scope, scopes
from edgeml_converters.formats.tensors import Array
from edgeml_converters.quantise.onnx.graph import drop_unused
from edgeml_converters.quantise.rounding import round_weight


def quantise_weights(model: onnx.ModelProto, kept: Container[str], per_channel: bool) -> None:
    """Stores float32 weights of rank 2 or more as int8, in place; not those of nodes in `kept`."""
    quantiser = _Quantiser(per_channel)
    for scope in list(scopes(model.graph)):
        quantiser.run(scope, kept)
    drop_unused(model)


class _Quantiser:
    """Quantises a constant once for all nodes that take it with one axis, in its own graph: what
    loops take from outside then becomes float once a call, not once a turn."""

    def __init__(self, per_channel: bool) -> None:
        self._per_channel = per_channel
        self._quantised: dict[tuple[int, str, int | None], tuple[str, str]] = {}
        self._dequantised: set[tuple[int, str]] = set()

    def run(self, scope: Scope, kept: Container[str]) -> None:
        added: list[onnx.NodeProto] = []
        for node in scope.graph.node:
            if node.name in kept:
                continue
            for position in ONNX_WEIGHTS.get(node.op_type, ()):
                tensor = _weight(scope, node, position)
                if tensor is None:
                    continue
                axis = channel_axis(node, position, len(tensor.dims)) if self._per_channel else None
                owner = scope.owners[tensor.name]
                if node.op_type == "Gather":
                    added.extend(self._float_rows(owner, node, tensor, axis))
                else:
                    node.input[position] = self._float_tensor(owner, tensor, axis)
        scope.graph.node.extend(added)

    def _float_tensor(
        self, owner: onnx.GraphProto, tensor: onnx.TensorProto, axis: int | None
    ) -> str:
        """The name of the float tensor that is computed from the int8 one, for a layer to take."""
        name, scale = self._int8(owner, tensor, axis)
        result = f"{name}_float"
        if (id(owner), name) not in self._dequantised:
            self._dequantised.add((id(owner), name))
            owner.node.extend(_scaled(name, scale, result))
        return result

    def _float_rows(
        self,
        owner: onnx.GraphProto,
        node: onnx.NodeProto,
        tensor: onnx.TensorProto,
        axis: int | None,
    ) -> tuple[onnx.NodeProto, ...]:
        """Lets Gather take int8 rows; returns the nodes that turn only these rows into float."""
        node.input[0], scale = self._int8(owner, tensor, axis)
        result = node.output[0]
        node.output[0] = f"{result}_int8"
        return _scaled(node.output[0], scale, result)

    def _int8(
        self, owner: onnx.GraphProto, tensor: onnx.TensorProto, axis: int | None
    ) -> tuple[str, str]:
        """The names of the int8 tensor and of its scale."""
        key = (id(owner), tensor.name, axis)
        if key not in self._quantised:
            values, scale = _round(numpy_helper.to_array(tensor), axis)
            stem = tensor.name if axis is None else f"{tensor.name}_{axis}"
            names = (f"{stem}_int8", f"{stem}_int8_scale")
            for array, name in zip((values, scale), names, strict=True):
                owner.initializer.append(numpy_helper.from_array(array, name))
            self._quantised[key] = names
        return self._quantised[key]


def _weight(scope: Scope, node: onnx.NodeProto, position: int) -> onnx.TensorProto | None:
    name = node.input[position] if position < len(node.input) else ""
    tensor = scope.constants.get(name)
    if tensor is None or len(tensor.dims) < 2 or 0 in tensor.dims:
        return None
    return tensor if tensor.data_type == onnx.TensorProto.FLOAT else None


def _round(weight: Array, axis: int | None) -> tuple[Array, Array]:
    """int8 values and the scale, one number or one a channel: weight = values * scale."""
    values, scale = round_weight(weight, axis)
    # For the rows of a table as for the table, whatever their rank.
    return values, scale.ravel() if axis == weight.ndim - 1 else scale


def _scaled(values: str, scale: str, result: str) -> tuple[onnx.NodeProto, ...]:
    steps, kind = f"{result}_steps", onnx.TensorProto.FLOAT
    return (
        helper.make_node("Cast", [values], [steps], name=steps, to=kind),
        helper.make_node("Mul", [steps, scale], [result], name=result),
    )


def channel_axis(node: onnx.NodeProto, position: int, rank: int) -> int | None:
    """The axis of the weight along which the layer's outputs lie; None for one scale for all."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    match node.op_type:
        case "Conv":
            return 0
        case "ConvTranspose" | "LSTM" | "GRU" | "RNN":
            return 1
        case "MatMul":
            return rank - 1 if position else rank - 2
        case "Gemm":
            return int(bool(attributes.get("transA" if position == 0 else "transB"))) ^ position
        case "Gather":
            # Behind the lookup the last axis of the table is the last one of the rows too.
            return None if attributes.get("axis", 0) in (-1, rank - 1) else rank - 1
        case _:
            return None
