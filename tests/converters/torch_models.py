"""Models in PyTorch for the tests, named as sources by path: torch_models.py:NAME.

Run as a program, writes one of them as FOLDER/program.pt2 and FOLDER/script.pt.
"""

import os
import signal
import sys
from pathlib import Path

import torch
from torch import nn


class Pair(nn.Module):
    """Two inputs and two outputs of one shape, which an order or a shape cannot tell apart."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 128)
        self.second = nn.Linear(128, 3)

    def forward(self, left: torch.Tensor, right: torch.Tensor) -> dict[str, torch.Tensor]:
        a = self.second(torch.relu(self.first(left)))
        b = self.second(torch.tanh(self.first(right)))
        return {"zed": a - b, "alpha": a * 2 + b}


class Digits(nn.Module):
    """A small CNN for one image; its only output has no name."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 10)
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.layers(image)


class CrashesThenLies(Digits):
    """Ends its process in torch.export, and says something else than the model when traced."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        if torch.compiler.is_exporting():
            os.kill(os.getpid(), signal.SIGSEGV)
        found = super().forward(image)
        return found * 2 if torch.onnx.is_in_onnx_export() else found


def _made(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return kind()


def pair() -> nn.Module:
    return _made(Pair)


def digits() -> nn.Module:
    return _made(Digits)


def crashes_then_lies() -> nn.Module:
    return _made(CrashesThenLies)


def main(folder: Path) -> None:
    images = torch.zeros(4, 1, 8, 8)
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(digits(), (images,), dynamic_shapes=({0: batch},))
    torch.export.save(program, folder / "program.pt2")
    torch.jit.save(torch.jit.trace(digits(), images), folder / "script.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
