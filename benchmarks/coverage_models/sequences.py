"""Audio, text and recurrent networks."""

from functools import partial
from typing import Any

from coverage_models.architecture import Architecture, padding, signal, tokens, turned
from coverage_models.packages import transformers

WORDS, LENGTH = 500, 24
_SMALL = {
    "vocab_size": WORDS, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
    "intermediate_size": 64, "max_position_embeddings": 64,
}  # fmt: skip
# Class -> what its configuration has beside or in place of the small one.
TEXTS: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("BertForSequenceClassification", _SMALL),
    "roberta": ("RobertaForSequenceClassification", _SMALL),
    "albert": ("AlbertForSequenceClassification", _SMALL | {"embedding_size": 16}),
    "electra": ("ElectraForTokenClassification", _SMALL | {"embedding_size": 16}),
    "mobilebert": (
        "MobileBertForSequenceClassification",
        _SMALL | {
            "embedding_size": 16, "intra_bottleneck_size": 32, "true_hidden_size": 32,
            "hidden_size": 64,
        },
    ),
    "distilbert": (
        "DistilBertForSequenceClassification",
        {"vocab_size": WORDS, "dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64,
         "max_position_embeddings": 64},
    ),
}  # fmt: skip


def text(name: str) -> Any:
    made = getattr(transformers(), TEXTS[name][0])
    return made(made.config_class(**TEXTS[name][1], num_labels=6))


def wav2vec2() -> Any:
    package = transformers()
    config = package.Wav2Vec2Config(
        vocab_size=32, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, conv_dim=(32, 32, 32), conv_stride=(5, 4, 4), conv_kernel=(10, 8, 4),
        num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    return package.Wav2Vec2ForCTC(config)


def ast() -> Any:
    package = transformers()
    config = package.ASTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_length=64, num_mel_bins=32, num_labels=6,
    )  # fmt: skip
    return package.ASTForAudioClassification(config)


def whisper_encoder() -> Any:
    package = transformers()

    config = package.WhisperConfig(
        num_mel_bins=40, d_model=32, encoder_layers=2, encoder_attention_heads=2,
        encoder_ffn_dim=64, max_source_positions=50,
    )  # fmt: skip
    return package.models.whisper.modeling_whisper.WhisperEncoder(config)


def crnn() -> Any:
    """Convolutions, then two bidirectional LSTMs over the columns of a line (Shi et al. 2015)."""
    import torch
    from torch import nn

    class Crnn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers: list[nn.Module] = []
            for of, to, pool in ((1, 16, 2), (16, 32, 2), (32, 48, (2, 1)), (48, 64, (4, 1))):
                layers += [nn.Conv2d(of, to, 3, padding=1), nn.BatchNorm2d(to), nn.ReLU()]
                layers += [nn.MaxPool2d(pool)]
            self.features = nn.Sequential(*layers)
            self.recurrent = nn.LSTM(64, 32, num_layers=2, bidirectional=True, batch_first=True)
            self.head = nn.Linear(64, 40)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            columns = self.features(image).squeeze(2).transpose(1, 2)
            return self.head(self.recurrent(columns)[0])

    return Crnn()


def deepspeech2() -> Any:
    """Convolution over the spectrogram, three bidirectional GRUs (Amodei et al. 2015)."""
    import torch
    from torch import nn

    class DeepSpeech2(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential(
                nn.Conv2d(1, 8, (11, 5), stride=(2, 2), padding=(5, 2)), nn.BatchNorm2d(8),
                nn.Hardtanh(0, 20),
                nn.Conv2d(8, 8, (11, 5), stride=(1, 2), padding=(5, 2)), nn.BatchNorm2d(8),
                nn.Hardtanh(0, 20),
            )  # fmt: skip
            self.recurrent = nn.GRU(80, 32, num_layers=3, bidirectional=True, batch_first=True)
            self.head = nn.Linear(64, 29)

        def forward(self, spectrogram: torch.Tensor) -> torch.Tensor:
            x = self.features(spectrogram.unsqueeze(1))
            x = x.permute(0, 2, 1, 3).flatten(2)
            return self.head(self.recurrent(x)[0])

    return DeepSpeech2()


def speaker() -> Any:
    """Three LSTMs, the last hidden state, a unit vector (Wan et al. 2018, GE2E)."""
    import torch
    from torch import nn

    class Speaker(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(40, 64, num_layers=3, batch_first=True)
            self.linear = nn.Linear(64, 64)

        def forward(self, mels: torch.Tensor) -> torch.Tensor:
            _, (hidden, _) = self.lstm(mels)
            raw = torch.relu(self.linear(hidden[-1]))
            return raw / torch.norm(raw, dim=1, keepdim=True)

    return Speaker()


def keywords() -> Any:
    """A GRU over MFCCs and the mean of its states, as for keyword spotting."""
    import torch
    from torch import nn

    class Keywords(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(10, 48, num_layers=2, batch_first=True)
            self.head = nn.Linear(48, 12)

        def forward(self, mfcc: torch.Tensor) -> torch.Tensor:
            return self.head(self.gru(mfcc)[0].mean(1))

    return Keywords()


def _of_text(name: str) -> Architecture:
    inputs = {"input_ids": tokens(LENGTH, WORDS), "attention_mask": padding(LENGTH)}
    int8 = name in ("bert", "distilbert")
    build = partial(text, name)
    return Architecture(name, "text", "transformers", build, inputs, int8, 6 if int8 else 0)


ARCHITECTURES = [
    *map(_of_text, TEXTS),
    Architecture("wav2vec2", "audio", "transformers", wav2vec2, {"input_values": signal(4000)}),
    Architecture("ast", "audio", "transformers", ast, {"input_values": signal(64, 32)}, True, 6),
    Architecture(
        "whisper_encoder", "audio", "transformers", whisper_encoder,
        {"input_features": turned(signal(100, 40))},
    ),
    Architecture(
        "crnn", "text in images", "PyTorch", crnn,
        {"image": lambda *call: turned(signal(64, 32))(*call)[:, None]}, True,
        classes=40, meaning=("output=logits,axis=2",),
    ),
    Architecture("deepspeech2", "audio", "PyTorch", deepspeech2, {"spectrogram": signal(64, 40)}),
    Architecture("ge2e_lstm", "audio", "PyTorch", speaker, {"mels": signal(40, 40)}),
    Architecture("gru_keywords", "audio", "PyTorch", keywords, {"mfcc": signal(49, 10)}, True, 12),
]  # fmt: skip
