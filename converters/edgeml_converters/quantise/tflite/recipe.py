"""What litert-quantizer is told to do to each op of a .tflite file."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ai_edge_litert import schema_py_generated as schema
from litert_quantizer.algorithm_manager import AlgorithmName
from litert_quantizer.qtyping import QuantGranularity, TFLOperationName
from litert_quantizer.recipe_manager import RecipeManager

from edgeml.manifest import Precision
from edgeml_converters.formats.moves import TFLITE_MOVES
from edgeml_converters.formats.tflite_edit import is_constant, op_name, tensor_name
from edgeml_converters.quantise.activations import LARGE_SOFTMAX

_ALL = TFLOperationName.ALL_SUPPORTED
_EVERYWHERE = ".*"
# Ops whose weights litert-quantizer can store as int8 while they compute in float.
_WEIGHTS_ONLY = (
    TFLOperationName.BATCH_MATMUL,
    TFLOperationName.CONV_2D,
    TFLOperationName.CONV_2D_TRANSPOSE,
    TFLOperationName.DEPTHWISE_CONV_2D,
    TFLOperationName.EMBEDDING_LOOKUP,
    TFLOperationName.FULLY_CONNECTED,
)
# Inputs and outputs stay float; what a composite op is made of has no ranges; and tflite-runtime
# 2.14 divides no integers and takes no root of them.
_NEVER_STATIC = (
    TFLOperationName.DIV,
    TFLOperationName.INPUT,
    TFLOperationName.OUTPUT,
    TFLOperationName.SQRT,
    TFLOperationName.STABLEHLO_COMPOSITE,
)


def recipe(
    precision: Precision, keep_float: Sequence[str], unranged: Sequence[str], per_channel: bool
) -> RecipeManager:
    """keep_float: output tensors of ops that stay as they are.

    unranged: for int8, output tensors of ops that keep float activations; see `without_ranges`.
    Later rules win over earlier ones.
    """
    size = QuantGranularity.CHANNELWISE if per_channel else QuantGranularity.TENSORWISE
    rules = RecipeManager()
    match precision:
        case "fp16":
            kind = AlgorithmName.FLOAT_CASTING
            rules.add_weight_only_config(_EVERYWHERE, _ALL, 16, algorithm_key=kind)
        case "int8-weights":
            rules.add_weight_only_config(_EVERYWHERE, _ALL, 8, size)
        case "int8-dynamic":
            rules.add_dynamic_config(_EVERYWHERE, _ALL, 8)
            rules.add_dynamic_config(_EVERYWHERE, TFLOperationName.FULLY_CONNECTED, 8, size)
            transposed = TFLOperationName.CONV_2D_TRANSPOSE
            rules.add_weight_only_config(_EVERYWHERE, transposed, 8)
        case _:
            rules.add_static_config(_EVERYWHERE, _ALL, 8, 8, size)
            for op in _NEVER_STATIC:
                _leave(rules, _EVERYWHERE, op)
    if unranged:
        scope = _scope(unranged)
        _leave(rules, scope, _ALL)
        for op in _WEIGHTS_ONLY:
            rules.add_weight_only_config(scope, op, 8, size)
    if keep_float:
        _leave(rules, f"{_scope(keep_float)}(?#kept)", _ALL)  # a rule of its own, the last one
    return rules


def _leave(rules: RecipeManager, scope: str, op: TFLOperationName) -> None:
    rules.add_quantization_config(scope, op, algorithm_key=AlgorithmName.NO_QUANTIZE)


def _scope(outputs: Iterable[str]) -> str:
    """litert-quantizer names an op by its output tensors, each with a semicolon behind it."""
    return f"(?:^|;)(?:{'|'.join(re.escape(name) for name in outputs)});"


def without_ranges(model: Any, ranged: Iterable[str]) -> list[str]:
    """The outputs of the ops that cannot be int8, sorted: they take or make a float tensor whose
    range is not known, as in the body of a loop, or one whose range says nothing.

    The latter comes from Exp where ELU was taken apart into exp(x) - 1 and a choice: for positive x
    the branch that is not chosen grows to e^x and would leave no int8 steps for the other.
    """
    known = set(ranged)
    unranged: set[str] = set()
    for subgraph in model.subgraphs:
        wide: set[int] = set()
        for op in subgraph.operators:
            tensors = {int(index) for index in (*op.inputs, *op.outputs) if index >= 0}
            name = op_name(model, op)
            if name == "EXP" or (name in ("SUB", "ADD") and wide & tensors):
                wide |= set(map(int, op.outputs))
            elif not wide & tensors and all(
                _has_range(model, subgraph.tensors[index], known) for index in tensors
            ):
                continue
            unranged |= {tensor_name(subgraph.tensors[index]) for index in op.outputs}
    return sorted(unranged)


def _has_range(model: Any, tensor: Any, known: set[str]) -> bool:
    return (
        tensor.type != schema.TensorType.FLOAT32
        or is_constant(model, tensor)
        or tensor_name(tensor) in known
    )


def large_softmaxes(model: Any) -> list[str]:
    """The outputs of the softmaxes whose values int8 cannot tell apart."""
    return [
        tensor_name(subgraph.tensors[int(op.outputs[0])])
        for subgraph in model.subgraphs
        for op in subgraph.operators
        if op_name(model, op) == "SOFTMAX"
        and subgraph.tensors[int(op.outputs[0])].shape[-1] >= LARGE_SOFTMAX
    ]


def between_floats(model: Any, in_float: Iterable[str]) -> list[str]:
    """The outputs of the ops that only move what ops in float give, or all of whose takers are in
    float: where the last float ends the rounding is the same, and elsewhere there is none.

    in_float: the outputs of ops in float. What the model takes is for `--io` to say.
    """
    before = set(in_float)
    known = set(before)
    found: list[str] = []
    for subgraph in model.subgraphs:
        moves = _moves(model, subgraph)
        while new := [
            move.name
            for move in moves
            if move.name not in known
            and any(of and of <= known for of in (move.makers, move.takers))
        ]:
            known |= set(new)
            found += new
    return found


def moves_of_inputs(model: Any) -> list[str]:
    """The first outputs of the ops that only move what the model is given, for its answers alone:
    what nothing computes with needs no rounding."""
    main = model.subgraphs[0]
    given = set(map(int, main.inputs))
    takers: dict[int, set[int]] = {}
    moves: list[int] = []
    for number, op in enumerate(main.operators):
        for index in map(int, op.inputs):
            takers.setdefault(index, set()).add(number)
        inputs = [(index, main.tensors[index]) for index in map(int, op.inputs) if index >= 0]
        constants = [tensor for _, tensor in inputs if is_constant(model, tensor)]
        taken = {index for index, tensor in inputs if not is_constant(model, tensor)}
        numbers = any(tensor.type == schema.TensorType.FLOAT32 for tensor in constants)
        if op_name(model, op) in TFLITE_MOVES and not numbers and taken and taken <= given:
            moves.append(number)
            given |= set(map(int, op.outputs))
    found: dict[int, str] = {}
    for number in reversed(moves):
        results = list(map(int, main.operators[number].outputs))
        if all(takers.get(index, set()) <= found.keys() for index in results):
            found[number] = tensor_name(main.tensors[results[0]])
    return list(found.values())


@dataclass(frozen=True)
class _Move:
    """An op that moves floats, by its first output as all are. makers, takers: of the floats; none
    where the model itself takes or gives some of them."""

    name: str
    makers: set[str]
    takers: set[str]


def _moves(model: Any, subgraph: Any) -> list[_Move]:
    makers: dict[int, str] = {}
    takers: dict[int, set[str]] = {}
    for op in subgraph.operators:
        name = tensor_name(subgraph.tensors[int(op.outputs[0])]) if len(op.outputs) else ""
        makers |= {int(index): name for index in op.outputs}
        for index in op.inputs:
            takers.setdefault(int(index), set()).add(name)
    answers = set(map(int, subgraph.outputs))
    moves: list[_Move] = []
    for op in subgraph.operators:
        moved = {
            int(index)
            for index in op.inputs
            if index >= 0
            and subgraph.tensors[int(index)].type == schema.TensorType.FLOAT32
            and not is_constant(model, subgraph.tensors[int(index)])
        }
        if op_name(model, op) not in TFLITE_MOVES or not moved:
            continue
        given = set(map(int, op.outputs))
        before = {makers[index] for index in moved} if moved <= makers.keys() else set[str]()
        after = set[str]().union(*(takers.get(index, set()) for index in given - answers))
        name = makers[int(op.outputs[0])]
        moves.append(_Move(name, before, set[str]() if given & answers else after))
    return moves
