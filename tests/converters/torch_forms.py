"""Models in PyTorch that take or give other things than tensors of one size with the sample first,
named as sources by path: torch_forms.py:NAME."""

import torch
from torch import nn


class Slow(nn.Module):
    """A filter: its state decays by 2 % a step, so that what int8 rounds at each adds up."""

    def __init__(self) -> None:
        super().__init__()
        self.mix, self.head = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> dict[str, torch.Tensor]:
        state = h * 0.98 + torch.tanh(self.mix(x)) * 0.02
        return {"y": self.head(state), "h1": state}


class AnySize(nn.Module):
    """A map of the image's own size and one of half of it."""

    def __init__(self) -> None:
        super().__init__()
        self.halved = nn.Conv2d(3, 4, 3, stride=2, padding=1)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        half = torch.relu(self.halved(image))
        return nn.functional.interpolate(half, size=image.shape[2:]), half


class OneSize(nn.Module):
    """Asks for a size as a number, which a trace keeps."""

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        count = int(steps.shape[1])
        return steps * torch.linspace(0, 1, count)


class Remembering(nn.Module):
    """Takes and gives the two states of an LSTM as a tuple, the samples on axis 1 throughout."""

    def __init__(self) -> None:
        super().__init__()
        self.memory, self.head = nn.LSTM(4, 8, 2), nn.Linear(8, 3)

    def forward(
        self, x: torch.Tensor, states: tuple[torch.Tensor, torch.Tensor]
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        answer, states = self.memory(x, states)
        return self.head(answer), states


class ByKeyword(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Linear(4, 3), nn.Linear(4, 3)

    def forward(
        self, *, right: torch.Tensor, left: torch.Tensor, gain: torch.Tensor | None = None
    ) -> dict[str, object]:
        left = self.left(left)
        total = left + self.right(right)
        return {"sum": total if gain is None else total * gain, "parts": {"left": left, "of": None}}


class OfOne(nn.Module):
    """Knows no batch: a vector in, a vector out."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.outer(self.layer(x), x).sum(dim=1)


def _made(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return kind().eval()


def slow() -> nn.Module:
    return _made(Slow)


def any_size() -> nn.Module:
    return _made(AnySize)


def one_size() -> nn.Module:
    return _made(OneSize)


def remembering() -> nn.Module:
    return _made(Remembering)


def by_keyword() -> nn.Module:
    return _made(ByKeyword)


def of_one() -> nn.Module:
    return _made(OfOne)
