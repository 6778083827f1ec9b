"""Weights that litert-quantizer leaves in float, stored in fewer bits all the same: embeddings
(GATHER), recurrent layers in one op, products of two constants, and whatever a rule left out."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from litert_quantizer.qtyping import NonLinearQuantParams, UniformQuantParams
from litert_quantizer.transformations.dequant_insert import insert_dequant
from litert_quantizer.transformations.quantize_tensor import quantize_tensor
from litert_quantizer.transformations.transformation_utils import (
    TransformationInput,
    add_new_activation_tensor,
    add_op_code,
)

from edgeml.manifest import Precision
from edgeml_converters.formats.tensors import Array
from edgeml_converters.formats.tflite_edit import floats_of, op_name, own_buffer, tensor_name
from edgeml_converters.quantise.rounding import round_weight
from edgeml_converters.quantise.tflite.places import weights

_INT8_GATHER_VERSION = 2


def quantise_rest(model: Any, precision: Precision, keep_float: tuple[str, ...]) -> None:
    """Stores, in place, every float32 weight in fewer bits but those of ops with an output in
    `keep_float`."""
    kept = set(keep_float)
    while (weight := next(_float_weights(model, kept), None)) is not None:
        subgraph, index, takers = weight
        own_buffer(model, subgraph.tensors[index])
        only_gathers = all(op_name(model, op) == "GATHER" for op in takers)
        if precision != "fp16" and only_gathers:
            _gather_int8(model, subgraph, index, takers)
        else:
            _dequantise_before(model, subgraph, index, takers, precision)


def _float_weights(model: Any, kept: set[str]) -> Iterator[tuple[Any, int, list[Any]]]:
    """Subgraph, index and takers of each float32 weight that no op in `kept` takes."""
    for weight in weights(model):
        subgraph = model.subgraphs[weight.subgraph]
        if not weight.direct or subgraph.tensors[weight.tensor].type != schema.TensorType.FLOAT32:
            continue
        takers = [op for op in subgraph.operators if weight.tensor in map(int, op.inputs)]
        results = {tensor_name(subgraph.tensors[i]) for op in takers for i in op.outputs}
        if not results & kept and weight.tensor not in map(int, subgraph.outputs):
            yield subgraph, weight.tensor, takers


def _dequantise_before(
    model: Any, subgraph: Any, index: int, takers: list[Any], precision: Precision
) -> None:
    """Puts DEQUANTIZE between the stored weight and the ops that take it."""
    values = floats_of(model, subgraph.tensors[index])
    stored: Any
    if precision == "fp16":
        stored = NonLinearQuantParams(16, values.astype(np.float16))
    else:
        stored = _int8(values)
    places = [n for n, op in enumerate(subgraph.operators) if any(op is taker for taker in takers)]
    insert_dequant(TransformationInput(index, model, subgraph, -1, places, stored))


def _gather_int8(model: Any, subgraph: Any, index: int, takers: list[Any]) -> None:
    """Takes int8 rows from the table, so that only these rows become float, not the whole table."""
    stored = _int8(floats_of(model, subgraph.tensors[index]))
    quantize_tensor(TransformationInput(index, model, subgraph, -1, [], stored))
    table = subgraph.tensors[index]
    code: Any = schema.BuiltinOperator.DEQUANTIZE
    dequantize = add_op_code(code, model.operatorCodes)
    for taker in takers:
        gather = model.operatorCodes[taker.opcodeIndex]
        gather.version = max(gather.version or 1, _INT8_GATHER_VERSION)
        result = int(taker.outputs[0])
        rows = subgraph.tensors[result]
        taken = add_new_activation_tensor(
            rows.name + b"_int8", rows.shape, table.type, subgraph, table.quantization
        )
        subgraph.tensors[taken].shapeSignature = rows.shapeSignature
        taker.outputs = [taken]
        step = schema.OperatorT()
        step.opcodeIndex, step.inputs, step.outputs = dequantize, [taken], [result]
        place = next(n for n, op in enumerate(subgraph.operators) if op is taker)
        subgraph.operators.insert(place + 1, step)


def _int8(values: Array) -> UniformQuantParams:
    """One scale for the whole tensor: ops of these weights demand that, or do not gain by more."""
    steps, scale = round_weight(values, None)
    return UniformQuantParams(8, None, scale.reshape(1), np.zeros(1, np.int64), True, steps)
