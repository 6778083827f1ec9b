"""Floor division and shifts as PyTorch means them, for its TorchScript exporter.

The exporter rounds them towards zero, as PyTorch itself did before version 1.13: -7 // 3 and
-7 >> 1 were -2 and -3, where -3 and -4 are right.
"""

from functools import cache
from typing import Any

import torch
from torch.onnx._internal.torchscript_exporter import symbolic_opset10, symbolic_opset11

_onnx: Any = torch.onnx
_ten: Any = symbolic_opset10
_eleven: Any = symbolic_opset11
_OPSET = 11  # the exporter's own later ones call these


@cache
def round_down() -> None:
    """Registers them with the exporter, once a process."""
    for name in ("aten::floor_divide", "aten::floordiv"):
        _onnx.register_custom_op_symbolic(name, _ten._floor_divide, _OPSET)
    for name in ("aten::__rshift_", "aten::bitwise_right_shift"):
        _onnx.register_custom_op_symbolic(name, _shift_right, _OPSET)


def _shift_right(graph: Any, x: Any, by: Any) -> Any:
    if x.type().scalarType() == "Byte":
        return _eleven.__rshift_(graph, x, by)
    one = graph.op("Constant", value_t=torch.tensor(1))
    return _ten._floor_divide(graph, x, _eleven.__lshift_(graph, one, by))
