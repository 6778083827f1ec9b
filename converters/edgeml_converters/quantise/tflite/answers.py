"""The answers of a .tflite file, kept apart from what takes them inside while it is quantised."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from litert_quantizer.transformations.transformation_utils import (
    add_new_activation_tensor,
    add_new_constant_tensor,
    add_op_code,
)

from edgeml_converters.formats.tflite_edit import read, tensor_name


def part_answers(model: Any) -> dict[str, str]:
    """Copies, in place, each float answer that an op of the main graph takes too, and answers with
    the copy; the names of those copies with what they are of.

    Of such a tensor, as the state of a cell that the next layer takes, litert-quantizer 0.11 gives
    the ops what it made float for the caller, or the caller what it made int8 for an op.
    """
    main = model.subgraphs[0]
    taken = {int(index) for op in main.operators for index in op.inputs}
    made = {int(index) for op in main.operators for index in op.outputs}
    copies: dict[str, str] = {}
    for index in dict.fromkeys(map(int, main.outputs)):
        tensor = main.tensors[index]
        free = sum(int(size) < 0 for size in _sizes(tensor))
        if tensor.type == schema.TensorType.FLOAT32 and index in taken & made and free < 2:
            copy = _copy(model, index)
            copies[tensor_name(main.tensors[copy])] = tensor_name(tensor)
            _answer_with(model, index, copy)
    return copies


def restore_names(model: Any, content: bytes) -> None:
    """Gives the answers of a quantised file their names in the float one, where no signature does:
    the tensor behind an inserted DEQUANTIZE has another name. In place."""
    if model.signatureDefs:
        return
    main, before = model.subgraphs[0], read(content).subgraphs[0]
    for index, old in zip(main.outputs, before.outputs, strict=True):
        answer, name = main.tensors[int(index)], before.tensors[int(old)].name
        if answer.name != name:
            for tensor in main.tensors:
                if tensor.name == name:
                    tensor.name = name + b"_int8"
            answer.name = name


def _sizes(tensor: Any) -> Any:
    return tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature


def _copy(model: Any, index: int) -> int:
    """The index of a tensor of the same values, by RESHAPE to the shape that it has."""
    main = model.subgraphs[0]
    tensor = main.tensors[index]
    name, sizes = tensor_name(tensor), np.array(_sizes(tensor), np.int32)
    kind: Any = schema.TensorType.INT32
    shape = add_new_constant_tensor(f"{name}_shape", sizes, kind, main, model)
    copy: int = add_new_activation_tensor(f"{name}_answer", list(tensor.shape), tensor.type, main)
    main.tensors[copy].shapeSignature = tensor.shapeSignature
    for made in (shape, copy):
        main.tensors[made].name = main.tensors[made].name.encode()
    options: Any = schema.ReshapeOptionsT()
    options.newShape = sizes
    reshape: Any = schema.OperatorT()
    code: Any = schema.BuiltinOperator.RESHAPE
    reshape.opcodeIndex = add_op_code(code, model.operatorCodes)
    reshape.inputs, reshape.outputs = [index, shape], [copy]
    kinds: Any = schema.BuiltinOptions
    reshape.builtinOptionsType, reshape.builtinOptions = kinds.ReshapeOptions, options
    main.operators.append(reshape)
    return copy


def _answer_with(model: Any, index: int, copy: int) -> None:
    main = model.subgraphs[0]
    main.outputs = [copy if int(old) == index else int(old) for old in main.outputs]
    for signature in model.signatureDefs:
        if signature.subgraphIndex == 0:
            for answer in signature.outputs:
                if answer.tensorIndex == index:
                    answer.tensorIndex = copy
