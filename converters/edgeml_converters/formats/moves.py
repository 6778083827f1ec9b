"""Ops that compute nothing: they hand on the numbers that they take, in another order or shape."""

# None makes more numbers than it is given but by joining.
ONNX_MOVES = (
    "Concat", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip
TFLITE_MOVES = (
    "CONCATENATION", "EXPAND_DIMS", "GATHER", "PACK", "RESHAPE", "SLICE", "SPLIT", "SQUEEZE",
    "STRIDED_SLICE", "TRANSPOSE", "UNPACK",
)  # fmt: skip
