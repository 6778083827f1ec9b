"""Shifts of integers as products and quotients, for exporters that have none."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch._decomp import decomposition_table, register_decomposition

_aten: Any = torch.ops.aten


def _left(x: Any, by: Any) -> Any:
    x, by = _tensors(x, by)
    return x * _power(by, x.dtype)


def _right(x: Any, by: Any) -> Any:
    """Rounds down, as the bits of negative numbers do."""
    x, by = _tensors(x, by)
    return torch.div(x, _power(by, x.dtype), rounding_mode="floor")


def _tensors(x: Any, by: Any) -> tuple[Any, Any]:
    """Of which at most one is a number."""
    x = x if isinstance(x, torch.Tensor) else torch.full_like(by, x)
    return x, by


def _power(by: Any, dtype: torch.dtype) -> Any:
    """Two to the power of `by`, in whole numbers."""
    if not isinstance(by, torch.Tensor):
        return 1 << by
    power = torch.ones_like(by, dtype=dtype)
    half = torch.iinfo(dtype).bits // 2
    while half:
        power = torch.where(by >= half, power * (1 << half), power)
        by = torch.where(by >= half, by - half, by)
        half //= 2
    return power


def shifts() -> Iterator[tuple[Any, Any]]:
    """Each operator with the function that stands for it."""
    for write, packets in (
        (_left, (_aten.__lshift__, _aten.bitwise_left_shift)),
        (_right, (_aten.__rshift__, _aten.bitwise_right_shift)),
    ):
        for packet in packets:
            for name in packet.overloads():
                if name != "int" and not name.endswith("out"):
                    yield getattr(packet, name), write


@cache
def know_shifts() -> None:
    """Tells PyTorch once a process: its exporter to ONNX asks for those that it does not have."""
    for operator, write in shifts():
        if operator not in decomposition_table:
            register_decomposition(operator)(write)
