"""What a user writes without edgeml: the framework's own exporter, without any proof.

    python bare.py NAME onnx|tflite FOLDER [--otherwise]

writes FOLDER/bare.onnx or bare.tflite. --otherwise is what a user tries next: PyTorch to ONNX for
one sample where a free batch fails, Keras to ONNX by a SavedModel and tf2onnx's own command.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from coverage_models.prepare import built
from coverage_models.zoo import ARCHITECTURES


def torch_call(name: str, folder: Path) -> tuple[Any, dict[str, Any]]:
    """The model with its weights, and two samples by the names of its inputs."""
    import torch

    model = built(ARCHITECTURES[name])
    model.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
    with np.load(folder / "data.npz") as data:
        return model, {key: torch.from_numpy(data[key][:2]) for key in data.files}


def torch_to_onnx(name: str, folder: Path, otherwise: bool) -> None:
    import torch

    model, samples = torch_call(name, folder)
    free = {key: {0: torch.export.Dim("batch", min=1)} for key in samples}
    torch.onnx.export(
        model,
        kwargs={key: value[:1] if otherwise else value for key, value in samples.items()},
        f=folder / "bare.onnx",
        dynamo=True,
        dynamic_shapes=None if otherwise else free,
        verbose=False,
    )


def torch_to_tflite(name: str, folder: Path, otherwise: bool) -> None:
    import litert_torch

    model, samples = torch_call(name, folder)
    call = tuple(value[:1] for value in samples.values())
    litert_torch.convert(model, call).export(str(folder / "bare.tflite"))


def keras_to_onnx(name: str, folder: Path, otherwise: bool) -> None:
    """Raises ValueError for a file that wants more inputs than the model has."""
    import keras

    model, to = keras.saving.load_model(folder / "net.keras"), folder / "bare.onnx"
    if otherwise:
        model.export(folder / "saved", verbose=False)
        command = [sys.executable, "-m", "tf2onnx.convert", "--saved-model", folder / "saved"]
        subprocess.run([*command, "--output", to, "--opset", "17"], check=True)
        return
    import tensorflow as tf
    import tf2onnx

    asked = [tf.TensorSpec(i.shape, i.dtype, name=i.name) for i in model.inputs]
    proto, _ = tf2onnx.convert.from_function(
        tf.function(lambda x: model(x, training=False)), input_signature=asked, opset=17
    )
    extra = [i.name for i in proto.graph.input][len(asked) :]
    if extra:
        raise ValueError(f"tf2onnx made constants into inputs: {', '.join(extra)}")
    to.write_bytes(proto.SerializeToString())


def keras_to_tflite(name: str, folder: Path, otherwise: bool) -> None:
    import keras
    import tensorflow as tf

    model = keras.saving.load_model(folder / "net.keras")
    made = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    (folder / "bare.tflite").write_bytes(made)


EXPORTERS = {
    ("torch", "onnx"): torch_to_onnx,
    ("torch", "tflite"): torch_to_tflite,
    ("tensorflow", "onnx"): keras_to_onnx,
    ("tensorflow", "tflite"): keras_to_tflite,
}
TITLES = {
    ("torch", "onnx"): "torch.onnx.export",
    ("torch", "tflite"): "litert_torch.convert",
    ("tensorflow", "onnx"): "tf2onnx",
    ("tensorflow", "tflite"): "TFLiteConverter",
}


if __name__ == "__main__":
    export = EXPORTERS[ARCHITECTURES[sys.argv[1]].framework, sys.argv[2]]
    export(sys.argv[1], Path(sys.argv[3]), "--otherwise" in sys.argv)
