"""Constants of a PyTorch program as litert-torch writes them, without two faults of its own."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import torch
from litert_torch.backend import inline_consts


@contextmanager
def constants_of_their_own() -> Generator[None]:
    """Lets litert-torch 0.10 write copies of those constants that it would spoil.

    It lays out a strided one (transposed, expanded, sliced) in memory that it gives back at once,
    and tells constants by their addresses: the next one of its shape gets the values of the last.
    And it replaces infinities by the largest number in the model's own memory.
    """
    inline = inline_consts.inline_consts

    def copied(program: Any) -> None:
        inline(program)
        for node in program.graph.nodes:
            if node.target is inline_consts.tensor_lowering_placeholder:
                node.args = tuple(_own(value) for value in node.args)

    inline_consts.inline_consts = copied
    try:
        yield
    finally:
        inline_consts.inline_consts = inline


def _own(tensor: Any) -> Any:
    if tensor.is_contiguous() and not (tensor.is_floating_point() and bool(tensor.isinf().any())):
        return tensor
    return tensor.detach().clone(memory_format=torch.contiguous_format)
