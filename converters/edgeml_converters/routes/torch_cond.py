"""torch.cond as both of its ways with a choice behind them, for formats without branches."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils._pytree import tree_map


@contextmanager
def both_ways(module: object) -> Generator[None]:
    """While it lasts, torch.cond computes both, wherever the code of `module` has it from.

    Its ways have no side effects, and give tensors of the same shapes and dtypes.
    """
    branch: Any = torch.cond
    kinds = {type(one) for one in module.modules()} if isinstance(module, torch.nn.Module) else ()
    names = {"torch", *(kind.__module__ for kind in kinds)}
    spaces = [vars(sys.modules[name]) for name in names if name in sys.modules]
    places = [(space, key) for space in spaces for key, value in space.items() if value is branch]
    for space, key in places:
        space[key] = _both
    try:
        yield
    finally:
        for space, key in places:
            space[key] = branch


def _both(
    pred: Any,
    true_fn: Callable[..., Any],
    false_fn: Callable[..., Any],
    operands: Sequence[Any] = (),
) -> Any:
    """In the place of torch.cond, with its parameters."""
    if not isinstance(pred, torch.Tensor):
        return (true_fn if pred else false_fn)(*operands)
    ways = true_fn(*operands), false_fn(*operands)

    def chosen(one: Any, other: Any) -> Any:
        return torch.where(pred, one, other)

    return tree_map(chosen, *ways)
