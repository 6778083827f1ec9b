"""Every route, in the order in which they are tried for a format."""

from edgeml.errors import InputError
from edgeml.manifest import Format
from edgeml_converters.plugins import plugins
from edgeml_converters.routes.route import Route

ROUTES = {
    "torch-onnx-dynamo": Route(
        "PyTorch to ONNX (torch.export)",
        "onnx",
        ("module", "exported"),
        f"{__package__}.torch_onnx:by_dynamo",
    ),
    "torch-onnx-torchscript": Route(
        "PyTorch to ONNX (TorchScript)",
        "onnx",
        ("module", "exported", "script"),
        f"{__package__}.torch_onnx:by_torchscript",
    ),
    "torch-tflite-litert": Route(
        "PyTorch to TFLite (litert-torch)",
        "tflite",
        ("module", "exported", "script"),
        f"{__package__}.torch_tflite:by_litert",
    ),
    "tensorflow-onnx-tf2onnx": Route(
        "TensorFlow to ONNX (tf2onnx)",
        "onnx",
        ("keras", "saved-model", "saved-model-v1"),
        f"{__package__}.tensorflow_onnx:by_tf2onnx",
    ),
    "tensorflow-tflite-saved-model": Route(
        "TensorFlow to TFLite (batch-1 SavedModel)",
        "tflite",
        ("keras", "saved-model", "saved-model-v1"),
        f"{__package__}.tensorflow_tflite:by_saved_model",
    ),
    "tensorflow-tflite-keras": Route(
        "TensorFlow to TFLite (from_keras_model)",
        "tflite",
        ("keras",),
        f"{__package__}.tensorflow_tflite:by_keras_model",
    ),
    "tensorflow-onnx-session": Route(
        "TensorFlow 1 to ONNX (tf2onnx on the session's graph)",
        "onnx",
        ("saved-model-v1",),
        f"{__package__}.tensorflow_onnx:by_session",
    ),
    "tensorflow-tflite-session": Route(
        "TensorFlow 1 to TFLite (from_session)",
        "tflite",
        ("saved-model-v1",),
        f"{__package__}.tensorflow_tflite:by_session",
    ),
    "onnx-as-is": Route(
        "ONNX as it is",
        "onnx",
        ("onnx-file",),
        f"{__package__}.as_is:onnx_cleaned",
    ),
    "tflite-as-is": Route(
        "TFLite as it is",
        "tflite",
        ("tflite-file",),
        f"{__package__}.as_is:tflite_copied",
    ),
}

# Forms with a route to one format only.
_FILES = {"onnx-file": "An ONNX file", "tflite-file": "A TFLite file"}


def routes() -> dict[str, Route]:
    """edgeml's own and what other packages add, in the order in which they are tried."""
    added = plugins("routes", Route, ROUTES)
    first = {key: route for key, route in added.items() if route.first}
    return {**first, **ROUTES, **added}


def routes_for(form: str, target: Format) -> dict[str, Route]:
    """The routes for one form of model and one format, first choice first.

    Raises InputError when there is none: a converted file stays what it is.
    """
    suited = {k: r for k, r in routes().items() if r.format == target and form in r.forms}
    if not suited:
        raise InputError(
            f"{_FILES[form]} can only go to {form.removesuffix('-file')}, but --to {target} was "
            f"given; leave {target} out, or name the model that the file was made from."
        )
    return suited
