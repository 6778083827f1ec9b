"""Which extra of edgeml brings which framework."""

EXTRAS = {
    "torch": "torch",
    "onnxscript": "torch",
    "litert_torch": "torch-tflite",
    "tensorflow": "tensorflow",
    "keras": "tensorflow",
    "tf2onnx": "tensorflow",
    "ai_edge_litert": "litert",
    "onnxruntime": "onnx",
    "onnx": "torch] or edgeml[tensorflow",
}


def extra_for(package: str) -> str:
    """What to install for `package`, a key of EXTRAS."""
    return f"edgeml[{EXTRAS[package]}]"
