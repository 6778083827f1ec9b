"""Of which precision a file is that somebody else has quantised."""

from pathlib import Path
from typing import Any

from edgeml.manifest import Format, Precision
from edgeml_converters.quantise.coverage import MIN_COVERAGE_PERCENT

_STATIC = ("QuantizeLinear", "QLinearConv", "QLinearMatMul", "QGemm")
_DYNAMIC = ("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "MatMulInteger", "ConvInteger")


def precision_of(form: Format, path: Path) -> Precision:
    """What its weights and activations are; fp32 where hardly any of the weights is anything else.

    Raises what reading the file raises.
    """
    return _onnx_precision(path) if form == "onnx" else _tflite_precision(path)


def _onnx_precision(path: Path) -> Precision:
    import onnx

    from edgeml_converters.formats.onnx_read import read_graph
    from edgeml_converters.formats.onnx_walk import walk
    from edgeml_converters.quantise.onnx.coverage import onnx_coverage
    from edgeml_converters.quantise.onnx.graph import weights
    from edgeml_converters.quantise.onnx.loops import free_carried_weights

    model = read_graph(path)
    kinds = {node.op_type for node in walk(model.graph.node)}
    if kinds.intersection(_STATIC):
        return "int8"
    if kinds.intersection(_DYNAMIC):
        return "int8-dynamic"
    free_carried_weights(model)
    if onnx_coverage(model) < MIN_COVERAGE_PERCENT:
        return "fp32"
    integers = {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}
    return "int8-weights" if any(t.data_type in integers for t in weights(model)) else "fp16"


def _tflite_precision(path: Path) -> Precision:
    from ai_edge_litert import schema_py_generated as schema

    from edgeml_converters.formats.tflite_edit import is_constant, read
    from edgeml_converters.quantise.tflite.coverage import tflite_coverage
    from edgeml_converters.quantise.tflite.places import weights

    model = read(path.read_bytes())
    kind = schema.TensorType
    if any(_is_quantised(t) and not is_constant(model, t) for t in model.subgraphs[0].tensors):
        return "int8"
    if tflite_coverage(model) < MIN_COVERAGE_PERCENT:
        return "fp32"
    places = list(weights(model))
    types = {model.subgraphs[w.subgraph].tensors[w.tensor].type for w in places}
    if types == {kind.FLOAT16}:
        return "fp16"
    return "int8-dynamic" if any(w.direct for w in places) else "int8-weights"


def _is_quantised(tensor: Any) -> bool:
    from ai_edge_litert import schema_py_generated as schema

    kind = schema.TensorType
    scaled = tensor.quantization is not None and tensor.quantization.scale is not None
    return scaled and tensor.type in (kind.INT8, kind.UINT8, kind.INT16)
