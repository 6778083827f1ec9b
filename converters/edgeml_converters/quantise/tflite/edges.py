"""Inputs and outputs of a quantised .tflite file as integers, where they are float."""

from collections.abc import Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from litert_quantizer.transformations.transformation_utils import (
    add_new_activation_tensor,
    add_op_code,
)

from edgeml.quantisation import Quantisation
from edgeml_converters.asked import Io
from edgeml_converters.formats.tensors import Ranges
from edgeml_converters.formats.tflite_edit import is_constant, op_name, tensor_name
from edgeml_converters.quantise.edges import as_type, check_width, of_int8

_Type = schema.TensorType
_TYPES = {"int8": _Type.INT8, "uint8": _Type.UINT8}


def set_integer_edges(model: Any, io: Io, names: Sequence[Sequence[str]], ranges: Ranges) -> None:
    """Makes every float input and output of the main graph `io`, in place.

    Where the file rounds an input to int8 at once, or an answer was int8, it stays the same without
    that step; else one is put in. names: of the inputs and of the outputs in `ranges`, in order.
    Raises ConversionError for a tensor without a range.
    """
    main, (taken, given) = model.subgraphs[0], names
    for index, name in zip(map(int, main.inputs), taken, strict=True):
        if _is_float(main.tensors[index], name):
            _take(model, index, io, name, ranges)
    for index, name in zip(map(int, main.outputs), given, strict=True):
        if _is_float(main.tensors[index], name):
            _give(model, index, io, name, ranges)


def set_float_edges(model: Any) -> None:
    """Makes each int8 input and output of the main graph that stands for floats float, in place."""
    main = model.subgraphs[0]
    for index in dict.fromkeys((*map(int, main.inputs), *map(int, main.outputs))):
        tensor = main.tensors[index]
        if tensor.type != _Type.INT8 or tensor.quantization is None:
            continue
        integers = _beside(main, index, _Type.INT8, "int8")
        main.tensors[integers].quantization = tensor.quantization
        _replace(main, index, integers)
        tensor.type, tensor.quantization = _Type.FLOAT32, None
        if index in map(int, main.inputs):
            main.operators.insert(0, _op(model, schema.BuiltinOperator.QUANTIZE, index, integers))
        if index in map(int, main.outputs):
            main.operators.append(_op(model, schema.BuiltinOperator.DEQUANTIZE, integers, index))


def _is_float(tensor: Any, name: str) -> bool:
    widths = {_Type.FLOAT16: "float16", _Type.BFLOAT16: "bfloat16", _Type.FLOAT64: "float64"}
    check_width(name, widths.get(tensor.type, ""))
    return bool(tensor.type == _Type.FLOAT32)


def _take(model: Any, index: int, io: Io, name: str, ranges: Ranges) -> None:
    main = model.subgraphs[0]
    takers = [op for op in main.operators if index in map(int, op.inputs)]
    rounding = [op for op in takers if op_name(model, op) == "QUANTIZE"]
    rounded = [(op, main.tensors[int(op.outputs[0])]) for op in rounding]
    found = [_quantisation(tensor) for _, tensor in rounded if tensor.type == _Type.INT8]
    means = found[0] if found else of_int8(name, ranges, answer=False)
    _set(main.tensors[index], io, means)
    for op, tensor in rounded:
        if io == "int8" and tensor.type == _Type.INT8 and _quantisation(tensor) == means:
            main.operators.remove(op)
            _replace(main, int(op.outputs[0]), index)
    others = [op for op in takers if op not in rounding]
    if others:
        floats = _beside(main, index, _Type.FLOAT32, "float")
        for op in others:
            op.inputs = [floats if int(old) == index else int(old) for old in op.inputs]
        main.operators.insert(0, _op(model, schema.BuiltinOperator.DEQUANTIZE, index, floats))


def _give(model: Any, index: int, io: Io, name: str, ranges: Ranges) -> None:
    main = model.subgraphs[0]
    maker = next((op for op in main.operators if index in map(int, op.outputs)), None)
    if maker is None:
        return  # a constant, which no device needs to be told in integers
    source = main.tensors[int(maker.inputs[0])] if len(maker.inputs) else None
    inside = [op for op in main.operators if index in map(int, op.inputs)]
    restored = op_name(model, maker) == "DEQUANTIZE" and not inside
    if source is not None and restored and source.type == _Type.INT8:
        means, behind = _quantisation(source), int(maker.inputs[0])
        _set(main.tensors[index], io, means)
        own = {*map(int, main.inputs), *map(int, main.outputs)}
        if io == "int8" and behind not in own and not is_constant(model, source):
            main.operators.remove(maker)
            _replace(main, behind, index)
            if model.signatureDefs:  # by which it is called; else by its name
                main.tensors[index].name = source.name
        else:
            place = main.operators.index(maker)
            quantise = _op(model, schema.BuiltinOperator.QUANTIZE, behind, index)
            main.operators[place] = quantise
        return
    means = of_int8(name, ranges, answer=True)
    floats = _beside(main, index, _Type.FLOAT32, "float")
    maker.outputs = [floats if int(old) == index else int(old) for old in maker.outputs]
    for op in inside:
        op.inputs = [floats if int(old) == index else int(old) for old in op.inputs]
    _set(main.tensors[index], io, means)
    main.operators.append(_op(model, schema.BuiltinOperator.QUANTIZE, floats, index))


def _quantisation(tensor: Any) -> Quantisation:
    found = tensor.quantization
    return Quantisation(scale=float(found.scale[0]), zero_point=int(found.zeroPoint[0]))


def _set(tensor: Any, io: Io, means: Quantisation) -> None:
    typed = as_type(means, io)
    tensor.type = _TYPES[io]
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = [typed.scale]
    tensor.quantization.zeroPoint = [typed.zero_point]


def _replace(main: Any, old: int, new: int) -> None:
    """Whatever makes or takes a tensor of the main graph makes or takes another."""
    for op in main.operators:
        op.inputs = [new if int(index) == old else int(index) for index in op.inputs]
        op.outputs = [new if int(index) == old else int(index) for index in op.outputs]


def _beside(main: Any, index: int, kind: Any, called: str) -> int:
    """A new tensor of the same shape and another type."""
    tensor = main.tensors[index]
    name = f"{tensor_name(tensor)}_{called}"
    made: int = add_new_activation_tensor(name, list(tensor.shape), kind, main)
    main.tensors[made].shapeSignature = tensor.shapeSignature
    main.tensors[made].name = name.encode()
    return made


def _op(model: Any, code: Any, taken: int, made: int) -> Any:
    op: Any = schema.OperatorT()
    op.opcodeIndex = add_op_code(code, model.operatorCodes)
    op.inputs, op.outputs = [taken], [made]
    return op
