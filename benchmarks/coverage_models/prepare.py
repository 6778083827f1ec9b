"""Makes what both contestants convert: weights, data, and the framework's own answers.

    python prepare.py NAME FOLDER

writes weights.pt or net.keras; data.npz and int8.npz for edgeml; inputs.npz and answers.npz,
samples that no contestant sees, for the check. Answers are numbered as the model gives them, and
named in answers.json as docs/convert.md says.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from coverage_models.alive import enliven_keras, enliven_torch
from coverage_models.architecture import Architecture, Arrays
from coverage_models.fitting import fit_keras, fit_torch
from coverage_models.zoo import ARCHITECTURES

SAMPLES, SAMPLES_INT8, SAMPLES_CHECKED, FITTED = 32, 768, 16, 480
Named = list[tuple[str, np.ndarray]]


def built(architecture: Architecture) -> Any:
    """With the same weights in every process."""
    if architecture.framework == "torch":
        import torch

        torch.manual_seed(7)
        return architecture.build().eval()
    import keras

    keras.utils.set_random_seed(7)
    return architecture.build()


def named(found: Any) -> Named:
    """The outputs by name: a dict's keys, else output, or output_0, output_1 and so on."""
    if isinstance(found, dict):
        parts = [(str(key), value) for key, value in found.items() if value is not None]
    elif isinstance(found, (tuple, list)) and len(found) > 1:
        parts = [(f"output_{i}", value) for i, value in enumerate(found)]
    else:
        parts = [("output", found[0] if isinstance(found, (tuple, list)) else found)]
    flat: Named = []
    for name, value in parts:
        if isinstance(value, (tuple, list)):
            flat += [(f"{name}_{i}", _array(part)) for i, part in enumerate(value)]
        else:
            flat.append((name, _array(value)))
    return flat


def _array(value: Any) -> np.ndarray:
    return value.detach().numpy() if hasattr(value, "detach") else np.asarray(value)


def torch_answers(architecture: Architecture, inputs: Arrays, folder: Path) -> Named:
    import torch

    model = built(architecture)
    enliven_torch(model, architecture.data(32, seed=3))
    if architecture.classes:
        fit_torch(model, architecture.data(FITTED, seed=5), architecture.labels(FITTED))
    torch.save(model.state_dict(), folder / "weights.pt")
    with torch.no_grad():
        return named(model(**{name: torch.from_numpy(a) for name, a in inputs.items()}))


def keras_answers(architecture: Architecture, inputs: Arrays, folder: Path) -> Named:
    model = built(architecture)
    enliven_keras(model, architecture.data(32, seed=3))
    if architecture.classes:
        fit_keras(model, architecture.data(FITTED, seed=5), architecture.labels(FITTED))
    model.save(folder / "net.keras")
    return named(model(next(iter(inputs.values())), training=False))


def main(name: str, folder: Path) -> None:
    architecture = ARCHITECTURES[name]
    np.savez(folder / "data.npz", **architecture.data(SAMPLES, seed=1))
    if architecture.int8:
        labelled = architecture.classes and not architecture.meaning
        known = {"labels": architecture.labels(SAMPLES_INT8)} if labelled else {}
        np.savez(folder / "int8.npz", **architecture.data(SAMPLES_INT8, seed=2), **known)
    inputs = architecture.data(SAMPLES_CHECKED, seed=4)
    np.savez(folder / "inputs.npz", **inputs)
    answer = torch_answers if architecture.framework == "torch" else keras_answers
    found = answer(architecture, inputs, folder)
    np.savez(folder / "answers.npz", **{str(i): array for i, (_, array) in enumerate(found)})
    (folder / "answers.json").write_text(json.dumps([name for name, _ in found]))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
