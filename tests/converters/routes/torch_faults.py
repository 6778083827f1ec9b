"""Models in PyTorch that exporters are known to get wrong, named as sources by path."""

import torch
from torch import nn


class Strided(nn.Module):
    """Views of larger tensors as constants: attributes, buffers and a parameter."""

    first: torch.Tensor
    second: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        large = torch.randn(64, 32, 4)
        self.views = [large[:, :, n].t() for n in range(4)]
        self.register_buffer("first", torch.randn(3, 64).t())
        self.register_buffer("second", torch.randn(3, 64).t())
        self.weight = nn.Parameter(torch.randn(32, 6).t())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x @ self.weight
        for view in self.views:
            x = torch.tanh(x @ view) @ view.t() / 32
        x = torch.tanh(x @ self.views[0])
        return x @ self.first - x @ self.second


def strided() -> nn.Module:
    torch.manual_seed(0)
    return Strided()


class Masked(nn.Module):
    """Adds minus infinity to what may not be."""

    mask: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.tensor([0.0, -torch.inf, 0.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.mask


def masked() -> nn.Module:
    return Masked()


class Divided(nn.Module):
    """What rounds down, of integers and floats."""

    def forward(self, n: torch.Tensor, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return n // 3, n // -3, n >> 1, n % 5, torch.div(n, 4, rounding_mode="trunc"), x // 3


def divided() -> nn.Module:
    return Divided()
