"""Models that take any keyword and answer with classes of their own."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass
class Answer:
    sum: torch.Tensor
    both: tuple[torch.Tensor, torch.Tensor]
    loss: torch.Tensor | None = None


class AnyKeyword(nn.Module):
    """Takes `a.b` and `a_b`, whose names are alike where dots are not allowed."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.left, self.right = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(self, **arrays: Any) -> Answer:
        left, right = self.left(arrays["a"]["b"]), self.right(arrays["a_b"])
        return Answer(left + right, (left, right))


def any_keyword() -> nn.Module:
    return AnyKeyword().eval()
