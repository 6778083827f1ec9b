"""The inputs of a static int8 file that it rounds, and so cuts off where their range ends."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgeml.manifest import Format
from edgeml_converters.formats.moves import ONNX_MOVES, TFLITE_MOVES
from edgeml_converters.formats.ops import Op, ops_of
from edgeml_converters.formats.tensors import Ranges

_ROUND = ("QUANTIZE", "QuantizeLinear")
# A value is cut off behind them as it would be before them.
_MOVES = (*ONNX_MOVES, *TFLITE_MOVES)


def rounded_inputs(
    form: Format, path: Path, inputs: Mapping[str, str], ranges: Ranges, *, integers: bool
) -> Ranges:
    """The calibrated range of each input that is rounded, by the name that an engine has for it.

    inputs: that name -> the tensor's. integers: whether the inputs are integers, which all are
    rounded outside of the file.
    """
    known = {name: ranges[tensor] for name, tensor in inputs.items() if tensor in ranges}
    if integers:
        return known
    ops = ops_of(form, path)
    return {name: known[name] for name in known if _is_rounded(inputs[name], ops)}


def _is_rounded(tensor: str, ops: Sequence[Op]) -> bool:
    """ops: in order of execution."""
    moved = {tensor}
    for op in ops:
        if moved.isdisjoint(op.inputs):
            continue
        if op.kind in _ROUND:
            return True
        if op.kind in _MOVES:
            moved.update(op.outputs)
    return False
