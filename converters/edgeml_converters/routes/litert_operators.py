"""Operators that litert-torch 0.10 lacks or gets wrong, written with others."""

from typing import Any

import torch

from edgeml_converters.routes.torch_integers import shifts

_aten: Any = torch.ops.aten


def _remainder(x: Any, by: Any) -> Any:
    """Of a division that rounds to zero; litert-torch divides integers of 64 bits in float64."""
    if x.is_floating_point():
        return NotImplemented
    return x - torch.div(x, by, rounding_mode="trunc") * by


def _unasked(*_checked: Any) -> None:
    """In the place of a check of values, as one_hot has it, which a file cannot make."""


def _product(x: Any, y: Any) -> Any:
    """Of matrices [n, 1, k] and [n, k, 1], or [n, i, 1] and [n, 1, j]: turned before, as those of
    an attention over one pixel are, they stop the converter."""
    if x.shape[2] == 1:
        return x * y
    if x.shape[1] == 1 and y.shape[2] == 1:
        return (x.transpose(1, 2) * y).sum(1, keepdim=True, dtype=x.dtype)
    return NotImplemented


def for_litert() -> dict[Any, Any]:
    """Each operator with the function that stands for it."""
    return {
        **dict(shifts()),
        _aten.fmod.Scalar: _remainder,
        _aten.fmod.Tensor: _remainder,
        _aten.bmm.default: _product,
        _aten._assert_async.default: _unasked,
        _aten._assert_async.msg: _unasked,
    }
