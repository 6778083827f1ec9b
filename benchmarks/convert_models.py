"""The digits CNN to convert, as a source for every contestant: convert_models.py:digits.

    python convert_models.py FOLDER

writes FOLDER/data.npz and the Keras net as the SavedModel FOLDER/saved, with FOLDER/data_last.npz.
Weights are seeded and not trained: they change no time.
"""

import sys
from pathlib import Path
from typing import Any

DIGITS = Path(__file__).parents[1] / "scripts" / "digits"


def digits() -> Any:
    """The second version of the demo's model, in PyTorch.

    Its layers are repeated here because train_torch.py loads scikit-learn, whose second would stand
    in the times of all contestants and hide a part of the difference; `main` compares them.
    """
    import torch
    from torch import nn

    class Digits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(
                nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(),
                nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                nn.Linear(32 * 16, 64), nn.ReLU(), nn.Linear(64, 10),
            )  # fmt: skip

        def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"logits": self.layers(image)}

    torch.manual_seed(7)
    return Digits().eval()


def saved(folder: Path) -> None:
    """A Keras net of the same size, as a SavedModel."""
    import keras

    keras.utils.set_random_seed(7)
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(16, 3, padding="same", activation="relu")(image)
    x = layers.Conv2D(32, 3, padding="same", activation="relu")(x)
    x = layers.Flatten()(layers.MaxPooling2D()(x))
    x = layers.Dense(64, activation="relu")(x)
    keras.Model(image, layers.Dense(10, name="logits")(x)).export(folder, verbose=False)


def main(folder: Path) -> None:
    sys.path.insert(0, str(DIGITS))
    from data import load
    from train_torch import better

    assert str(digits().layers) == str(better()), "train_torch.py has other layers now"
    part = load().validation
    part.save(folder / "data.npz")
    part.save(folder / "data_last.npz", channels_last=True)
    saved(folder / "saved")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
