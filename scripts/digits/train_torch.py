"""Trains the digits models in PyTorch and exports each as a .pt2 program.

Run as a program, so that the story itself never loads PyTorch:
    train_torch.py OUT_DIR
writes digits-1.pt2 and digits-2.pt2, with the last weights of each beside it as digits-N.npy, and
prints their accuracy on the validation part as JSON.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from data import Part, load
from torch import nn


def small() -> nn.Module:
    """v1: one convolution."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(8 * 16, 10),
    )  # fmt: skip


def better() -> nn.Module:
    """v2: two convolutions and a hidden layer."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(32 * 16, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip


class Digits(nn.Module):
    """Names its input and output, which the contract then carries."""

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"logits": self.layers(image)}


def train(layers: nn.Module, part: Part, epochs: int) -> Digits:
    model = Digits(layers)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    images, labels = torch.from_numpy(part.images), torch.from_numpy(part.labels)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(32):
            optimiser.zero_grad()
            logits = model(images[batch])["logits"]
            nn.functional.cross_entropy(logits, labels[batch]).backward()
            optimiser.step()
    return model.eval()


def accuracy(model: Digits, part: Part) -> float:
    with torch.no_grad():
        found = model(torch.from_numpy(part.images))["logits"].argmax(1).numpy()
    return float((found == part.labels).mean())


def export(model: Digits, part: Part, path: Path) -> None:
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(
        model, (torch.from_numpy(part.images[:4]),), dynamic_shapes=({0: batch},)
    )
    torch.export.save(program, path)


def main(out: Path) -> None:
    torch.manual_seed(7)
    # Batches as small as these gain nothing from a second thread, which waits by spinning.
    torch.set_num_threads(1)
    digits = load()
    found: dict[str, float] = {}
    for version, layers, epochs in (("1", small(), 6), ("2", better(), 25)):
        model = train(layers, digits.train, epochs)
        found[version] = accuracy(model, digits.validation)
        export(model, digits.validation, out / f"digits-{version}.pt2")
        last = list(model.parameters())[-2]
        np.save(out / f"digits-{version}.npy", last.detach().numpy())
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
