"""Models that nobody here wrote, out of .venv/model-packages, as sources: sources.py:NAME."""

import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

PACKAGES = Path(sys.prefix) / "model-packages"


class VoiceEncoder(nn.Module):
    """Resemblyzer's net (three LSTM layers, one linear, normed), whose own module needs librosa."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)

    def forward(self, mels: torch.Tensor) -> dict[str, torch.Tensor]:
        """mels: [n, frames, 40]; voice: [n, 256], each of length 1."""
        _, (hidden, _) = self.lstm(mels)
        raw = torch.relu(self.linear(hidden[-1]))
        return {"voice": raw / torch.norm(raw, dim=1, keepdim=True)}


def voice_encoder() -> nn.Module:
    model = VoiceEncoder()
    kept = torch.load(
        PACKAGES / "resemblyzer" / "pretrained.pt", weights_only=True, map_location="cpu"
    )
    weights = kept["model_state"]
    model.load_state_dict({k: v for k, v in weights.items() if not k.startswith("similarity")})
    return model


def _silero() -> Any:
    return torch.jit.load(PACKAGES / "silero_vad" / "data" / "silero_vad.jit", map_location="cpu")


class Silero(nn.Module):
    """Silero's net for 16 kHz with its state as an input and an output, batch first.

    Its layers stand in its package's tinygrad_model.py; the weights are those of its TorchScript.
    """

    def __init__(self) -> None:
        super().__init__()
        self.spectrum = nn.Conv1d(1, 258, 256, stride=128, bias=False)
        self.convolutions = nn.Sequential(
            nn.Conv1d(129, 128, 3, padding=1), nn.ReLU(),
            nn.Conv1d(128, 64, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv1d(64, 64, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv1d(64, 128, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.cell = nn.LSTMCell(128, 128)
        self.head = nn.Conv1d(128, 1, 1)

    def forward(self, sound: torch.Tensor, state: torch.Tensor) -> dict[str, torch.Tensor]:
        """sound: [n, 576], 64 of them from before; state: [n, 2, 128]; speech: [n, 1], 0 to 1."""
        padded = nn.functional.pad(sound, (0, 64), "reflect")
        real, imaginary = self.spectrum(padded.unsqueeze(1)).split(129, dim=1)
        found = self.convolutions((real**2 + imaginary**2).sqrt()).squeeze(-1)
        hidden, cell = self.cell(found, (state[:, 0], state[:, 1]))
        speech = torch.sigmoid(self.head(torch.relu(hidden.unsqueeze(-1)))).squeeze(-1)
        return {"speech": speech, "state_after": torch.stack([hidden, cell], 1)}


def silero() -> nn.Module:
    model, shipped = Silero(), _silero()._model.state_dict()
    # Both list their weights in the order in which the net uses them.
    model.load_state_dict(dict(zip(model.state_dict(), shipped.values(), strict=True)))
    return model


class SileroKept(nn.Module):
    """Silero as it is shipped: it keeps its state between calls by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.net = _silero()

    def forward(self, sound: torch.Tensor) -> dict[str, torch.Tensor]:
        """sound: [n, 512]; speech: [n, 1]."""
        return {"speech": self.net(sound, 16000)}


def silero_kept() -> nn.Module:
    return torch.jit.script(SileroKept())
