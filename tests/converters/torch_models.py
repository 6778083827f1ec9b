"""Models in PyTorch for the tests, named as sources by path: torch_models.py:NAME.

Run as a program, writes one of them as FOLDER/program.pt2 and FOLDER/script.pt, its state dict as
weights.pt, weights.safetensors and, in a checkpoint, training.ckpt, the state dict of another one
as other.pt, and pickles that write FOLDER/executed when they are loaded: evil.pt, evil.pt2.
"""

import io
import os
import signal
import sys
import zipfile
from pathlib import Path

import torch
from safetensors.torch import save_file
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


class Transformer(nn.Module):
    """Two encoder layers over eight rows of eight; in fp16 onnxruntime 1.32 crashes on it."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Linear(8, 64)
        self.positions = nn.Parameter(torch.randn(1, 8, 64) * 0.1)
        layer = nn.TransformerEncoderLayer(
            64, 8, 256, dropout=0.0, activation="relu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(64, 10)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(self.embed(rows) + self.positions)[:, 0])


def _made(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    return kind()


def pair() -> nn.Module:
    return _made(Pair)


def digits() -> nn.Module:
    return _made(Digits)


def transformer() -> nn.Module:
    return _made(Transformer)


def crashes_then_lies() -> nn.Module:
    return _made(CrashesThenLies)


def untrained_digits() -> nn.Module:
    """The same net with other weights, to load the saved ones into."""
    torch.manual_seed(1)
    return Digits()


def wide_digits() -> nn.Module:
    model = Digits()
    model.layers[0] = nn.Conv2d(1, 16, 3, padding=1)
    return model


class Noisy(nn.Module):
    """Its dropout is always on."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(x, 0.3)


class Counting(nn.Module):
    """Keeps a mean of what it has seen."""

    mean: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.mean.mul_(0.9).add_(x.mean(0), alpha=0.1)
        return x - self.mean


class Ruled(nn.Module):
    """Logits of which some are ruled out by an input."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor, allowed: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(x)
        return found.masked_fill(~allowed, float("-inf"))


def ruled() -> nn.Module:
    torch.manual_seed(0)
    return Ruled()


class BatchMeans(nn.Module):
    """Takes away what the batch has in common."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.mean(dim=0)


def batch_means() -> nn.Module:
    return BatchMeans()


class Words(nn.Module):
    """Token ids in, which PyTorch has as int64; one number out, without an axis of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.head = nn.Linear(8, 1)

    def forward(self, ids: torch.Tensor, length: torch.Tensor) -> dict[str, torch.Tensor]:
        mean = self.embedding(ids).sum(1) / length
        return {"score": self.head(mean).squeeze(), "first": ids[:, 0]}


def words() -> nn.Module:
    return _made(Words)


class Guarded(nn.Module):
    """Scales bytes, which only their values tell; weights and shapes are asked too."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((1,), 2.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[1] > 1 and float(self.gain) > 0:
            x = x * self.gain
        if x.max() > 20:
            x = x / 255
        return x


def guarded() -> nn.Module:
    return Guarded()


def half_words() -> nn.Module:
    """The weights as people keep them to save space."""
    return _made(Words).half()


def noisy() -> nn.Module:
    return Noisy()


def counting() -> nn.Module:
    return Counting()


def digits_with_samples() -> tuple[nn.Module, tuple[torch.Tensor]]:
    torch.manual_seed(2)
    return digits(), (torch.randn(9, 1, 8, 8),)


def digits_with_strange_samples() -> tuple[nn.Module, dict[str, torch.Tensor]]:
    return digits(), {"picture": torch.zeros(7, 1, 8, 8)}


class Blur(nn.Module):
    """An image and a number a sample to an image, in PyTorch's layout."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 5, (3, 1))

    def forward(self, image: torch.Tensor, gain: torch.Tensor) -> dict[str, torch.Tensor]:
        found = self.conv(image) * gain[:, :, None, None]
        return {"blurred": found, "mean": found.mean((1, 2, 3))[:, None]}


def blur() -> nn.Module:
    return _made(Blur)


def blur_script() -> object:
    return torch.jit.trace(blur(), (torch.zeros(2, 3, 6, 4), torch.zeros(2, 1)), strict=False)


def blur_program() -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch", min=1)
    images = (torch.zeros(2, 3, 6, 4), torch.zeros(2, 1))
    return torch.export.export(blur(), images, dynamic_shapes=({0: batch}, {0: batch}))


class Executed:
    """What a stranger would pickle: loading it creates a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self._path), "w")


def _write_evil(folder: Path) -> None:
    pickled = io.BytesIO()
    torch.save({"weight": Executed(folder / "executed")}, pickled)
    (folder / "evil.pt").write_bytes(pickled.getvalue())
    with (
        zipfile.ZipFile(folder / "program.pt2") as program,
        zipfile.ZipFile(folder / "evil.pt2", "w") as evil,
    ):
        for name in program.namelist():
            replaced = "/sample_inputs/" in name
            evil.writestr(name, pickled.getvalue() if replaced else program.read(name))


def main(folder: Path) -> None:
    state = digits().state_dict()
    torch.save(state, folder / "weights.pt")
    save_file(state, folder / "weights.safetensors")
    torch.save({"epoch": 3, "model": state, "loss": 0.1}, folder / "training.ckpt")
    torch.save(pair().state_dict(), folder / "other.pt")
    images = torch.zeros(4, 1, 8, 8)
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(digits(), (images,), dynamic_shapes=({0: batch},))
    torch.export.save(program, folder / "program.pt2")
    torch.jit.save(torch.jit.trace(digits(), images), folder / "script.pt")
    _write_evil(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
