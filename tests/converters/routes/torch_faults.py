"""Models in PyTorch that exporters are known to get wrong, named as sources by path."""

from typing import Any

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


def _filled(module: nn.Module) -> nn.Module:
    """Every weight a quarter, so that numpy can tell the answers."""
    for weight in module.parameters():
        nn.init.constant_(weight, 0.25)
    return module


class Between(nn.Module):
    """A part of it in another float, with casts at its ends."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.first, self.last = nn.Conv1d(3, 4, 1), nn.Linear(4, 2)
        self.part = nn.Sequential(nn.Conv1d(4, 4, 1), nn.Tanh()).to(dtype)
        self.dtype = dtype

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inside = self.part(self.first(x).to(self.dtype))
        return self.last(inside.type_as(x).mean(2))


def between_half() -> nn.Module:
    return _filled(Between(torch.float16))


def between_bfloat16() -> nn.Module:
    return _filled(Between(torch.bfloat16))


def between_double() -> nn.Module:
    return _filled(Between(torch.float64))


class Autocast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    @torch.autocast("cpu", dtype=torch.bfloat16)  # pyright: ignore[reportUntypedFunctionDecorator]
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = torch.full((2, 1), 0.25, dtype=torch.bfloat16)
        return torch.relu(self.layer(x.mean(2)).bfloat16() @ weight)


def autocast() -> nn.Module:
    return _filled(Autocast())


def _exported(module: nn.Module) -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch")
    return torch.export.export(module.eval(), (torch.ones(2, 3, 4),), dynamic_shapes=({0: batch},))


def exported_half() -> torch.export.ExportedProgram:
    return _exported(between_half())


def exported_autocast() -> torch.export.ExportedProgram:
    return _exported(autocast())


class CouldHalve(nn.Module):
    """Has a method in half precision, as the base classes of transformers have, and another that
    forward() takes."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def compact(self) -> nn.Module:
        return self.to(torch.bfloat16)

    def scaled(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.layer(x.mean(2))
        return answer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scaled(x)


class Halves(CouldHalve):
    def scaled(self, x: torch.Tensor) -> torch.Tensor:
        answer: torch.Tensor = self.layer(x.mean(2)).bfloat16() * 2
        return answer


def could_halve() -> nn.Module:
    return _filled(CouldHalve())


def halves_in_a_method() -> nn.Module:
    return _filled(Halves())


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        def below(x: torch.Tensor) -> torch.Tensor:
            return x[:, :2] * 8

        def above(x: torch.Tensor) -> torch.Tensor:
            answer: torch.Tensor = self.layer(x)
            return answer

        chosen: torch.Tensor = torch.cond(x.sum() > 0, above, below, (x,))
        return chosen


def branches() -> nn.Module:
    return _filled(Branches())


class Bits(nn.Module):
    """Shifts of integers by numbers and by tensors, and a remainder that rounds to zero."""

    def forward(self, n: torch.Tensor, by: torch.Tensor) -> tuple[torch.Tensor, ...]:
        shifted = n >> 2, n << 3, n >> by, torch.bitwise_left_shift(n, by), 3 << by
        return *shifted, torch.fmod(n, 5)


def bits() -> nn.Module:
    return Bits()


class And(nn.Module):
    def forward(self, n: torch.Tensor) -> torch.Tensor:
        return n & 6


def ands() -> nn.Module:
    return And()


class Absolute(nn.Module):
    def forward(self, n: torch.Tensor) -> torch.Tensor:
        return n.abs()


def absolute() -> nn.Module:
    return Absolute()


class Turned(nn.Module):
    """By complex numbers, as a rotary embedding does."""

    def __init__(self, *, trained: bool) -> None:
        super().__init__()
        by = torch.tensor([[0.6, 0.8], [1.0, 0.0], [0.0, 1.0]])
        self.by = nn.Parameter(by) if trained else None
        self.register_buffer("turns", torch.view_as_complex(by.clone()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        by: Any = self.turns if self.by is None else torch.view_as_complex(self.by)
        return torch.view_as_real(torch.view_as_complex(x.reshape(-1, 3, 2)) * by).flatten(1)


def turned_by_a_constant() -> nn.Module:
    return Turned(trained=False)


def turned_by_a_weight() -> nn.Module:
    return Turned(trained=True)


class Hot(nn.Module):
    def forward(self, n: torch.Tensor) -> torch.Tensor:
        return nn.functional.one_hot(n, 5).float()


def hot() -> nn.Module:
    return Hot()


class OnePixel(nn.Module):
    """An attention over the pixels of a picture, of which there may be one alone."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = (part.flatten(2) for part in x.split([2, 2, 3], dim=1))
        weights = (q.transpose(1, 2) @ k).softmax(-1)
        return v @ weights.transpose(1, 2) + (q.transpose(1, 2) @ k).mean((1, 2), keepdim=True)


def one_pixel() -> nn.Module:
    return OnePixel()
