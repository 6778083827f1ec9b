"""The seven small models in PyTorch, as sources: torch_zoo.py:NAME, with weights beside this file.

python torch_zoo.py score         prints what each reaches on data that it was not trained on
python torch_zoo.py train         trains all anew, a few seconds each, and writes NAME.pt
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from zoo_data import TASKS, Task, score

HERE = Path(__file__).parent
EPOCHS = {"keywords": 12, "autoencoder": 60}


class Residual(nn.Module):
    """A depthwise-separable block with hard-swish and a way around it, as in MobileNetV3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False),
            nn.BatchNorm2d(channels), nn.Hardswish(),
            nn.Conv2d(channels, channels, 1, bias=False), nn.BatchNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.hardswish(x + self.body(x))


class ResidualCnn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.Hardswish()
        )
        self.blocks = nn.Sequential(Residual(16), nn.AvgPool2d(2), Residual(16))
        self.head = nn.Linear(16, 10)

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.head(self.blocks(self.stem(image)).mean((2, 3)))}


class Recurrent(nn.Module):
    """Reads the rows one after another and answers after the last."""

    def __init__(self, kind: type[nn.GRU] | type[nn.LSTM]) -> None:
        super().__init__()
        self.cell = kind(8, 32, batch_first=True)
        self.head = nn.Linear(32, 10)

    def forward(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.head(self.cell(rows)[0][:, -1])}


class Transformer(nn.Module):
    """One encoder layer with the exact GELU and learned positions."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 32)
        self.positions = nn.Parameter(torch.randn(1, 8, 32) * 0.1)
        self.encoder = nn.TransformerEncoderLayer(
            32, 4, 64, dropout=0.0, activation="gelu", batch_first=True
        )
        self.head = nn.Linear(32, 10)

    def forward(self, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.head(self.encoder(self.embed(rows) + self.positions).mean(1))}


class Keywords(nn.Module):
    """Strided convolutions over the samples of a sound."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv1d(1, 16, 16, stride=4), nn.BatchNorm1d(16), nn.ReLU(),
            nn.Conv1d(16, 32, 8, stride=2), nn.BatchNorm1d(32), nn.ReLU(), nn.MaxPool1d(2),
            nn.Conv1d(32, 32, 4), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 19, 4),
        )  # fmt: skip

    def forward(self, sound: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.layers(sound)}


class Autoencoder(nn.Module):
    """30 measurements through 6 numbers, with ELU."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(30, 16), nn.ELU(), nn.Linear(16, 6), nn.ELU(),
            nn.Linear(6, 16), nn.ELU(), nn.Linear(16, 30),
        )  # fmt: skip

    def forward(self, measurements: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"reconstruction": self.layers(measurements)}


class ConvAutoencoder(nn.Module):
    """Images through 2 x 2 x 8 numbers and back by transposed convolutions."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(8, 8, 2, stride=2), nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 2, stride=2), nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"reconstruction": self.decoder(self.encoder(image))}


BUILD: dict[str, Callable[[], nn.Module]] = {
    "residual_cnn": ResidualCnn,
    "gru": lambda: Recurrent(nn.GRU),
    "lstm": lambda: Recurrent(nn.LSTM),
    "transformer": Transformer,
    "keywords": Keywords,
    "autoencoder": Autoencoder,
    "conv_autoencoder": ConvAutoencoder,
}


def __getattr__(name: str) -> Callable[[], nn.Module]:
    """The callable that a source names: the trained model of that name."""
    if name not in BUILD:
        raise AttributeError(name)
    return partial(trained, name)


def trained(name: str) -> nn.Module:
    model = BUILD[name]()
    model.load_state_dict(torch.load(HERE / f"{name}.pt", weights_only=True))
    return model.eval()


def train(name: str, task: Task) -> None:
    torch.manual_seed(0)
    model: Any = BUILD[name]()
    optimiser = torch.optim.Adam(model.parameters(), lr=4e-3)
    inputs, labels = torch.from_numpy(task.train.inputs), torch.from_numpy(task.train.labels)
    for _ in range(EPOCHS.get(name, 16)):
        for rows in torch.randperm(len(inputs)).split(32):
            optimiser.zero_grad()
            found = model(inputs[rows])[task.output]
            loss = (
                functional.cross_entropy(found, labels[rows])
                if task.output == "logits"
                else functional.mse_loss(found, inputs[rows])
            )
            loss.backward()
            optimiser.step()
    torch.save(model.state_dict(), HERE / f"{name}.pt")


def scored(name: str, task: Task) -> float:
    with torch.no_grad():
        answers = trained(name)(torch.from_numpy(task.check.inputs))[task.output]
    return score(task, answers.numpy())


def main(step: str) -> None:
    torch.set_num_threads(1)  # one order of summation, so one set of weights on one processor
    if step == "train":
        for name, task in TASKS.items():
            train(name, task())
    print(json.dumps({name: round(scored(name, task()), 4) for name, task in TASKS.items()}))


if __name__ == "__main__":
    main(sys.argv[1])
