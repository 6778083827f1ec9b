"""The answers of a .tflite file, kept apart from what takes them inside while it is quantised."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from litert_quantizer.transformations.transformation_utils import (
    add_new_activation_tensor,
    add_new_constant_tensor,
    add_op_code,
)

from edgeml_converters.formats.tflite_edit import is_constant, read, tensor_name


def part_answers(model: Any) -> dict[str, str]:
    """Copies, in place, each float answer that an op of the main graph takes too, that is an input,
    or that is given twice, and answers with the copies; the names of those with what they are of.

    Of such a tensor, as the state of a cell that the next layer takes, litert-quantizer 0.11 gives
    the ops what it made float for the caller, or the caller what it made int8 for an op; of one
    that is given twice it makes the first answer float, and no engine opens the file.
    """
    main = model.subgraphs[0]
    taken = {int(index) for op in main.operators for index in op.inputs}
    given = list(map(int, main.outputs))
    inputs = set(map(int, main.inputs))
    copies: dict[str, str] = {}
    for index in dict.fromkeys(given):
        tensor = main.tensors[index]
        free = sum(int(size) < 0 for size in _sizes(tensor))
        times = given.count(index)
        apart = times > 1 or (index in taken and not is_constant(model, tensor)) or index in inputs
        if tensor.type == schema.TensorType.FLOAT32 and apart and free < 2:
            made = [_copy(model, index, number) for number in range(times)]
            copies |= {tensor_name(main.tensors[copy]): tensor_name(tensor) for copy in made}
            _answer_with(model, index, made)
    return copies


def restore_names(model: Any, content: bytes) -> None:
    """Gives the answers of a quantised file their names in the float one, where no signature does:
    the tensor behind an inserted DEQUANTIZE has another name. In place."""
    if model.signatureDefs:
        return
    main, before = model.subgraphs[0], read(content).subgraphs[0]
    restored: set[bytes] = set()
    for index, old in zip(main.outputs, before.outputs, strict=True):
        answer, name = main.tensors[int(index)], before.tensors[int(old)].name
        if answer.name != name:
            for tensor in main.tensors:
                if tensor.name == name and name not in restored:
                    tensor.name = name + b"_int8"
            answer.name = name
        restored.add(name)


def _sizes(tensor: Any) -> Any:
    return tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature


def _copy(model: Any, index: int, number: int) -> int:
    """The index of a tensor of the same values, by RESHAPE to the shape that it has.

    number: of the copy among those of this tensor.
    """
    main = model.subgraphs[0]
    tensor = main.tensors[index]
    name, sizes = tensor_name(tensor), np.array(_sizes(tensor), np.int32)
    name += f"_{number}" if number else ""
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


def _answer_with(model: Any, index: int, copies: Sequence[int]) -> None:
    """Each place that answers with the tensor takes a copy of its own, in their order."""
    main = model.subgraphs[0]
    places = iter(copies)
    main.outputs = [next(places) if int(old) == index else int(old) for old in main.outputs]
    for signature in model.signatureDefs:
        if signature.subgraphIndex == 0:
            named = [answer for answer in signature.outputs if answer.tensorIndex == index]
            for number, answer in enumerate(named):
                answer.tensorIndex = copies[min(number, len(copies) - 1)]
