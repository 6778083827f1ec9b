"""Multiply-accumulates of one TFLite operator, from the shapes of its tensors."""

from math import prod

from edgeml_converters.formats.tensors import Shape
from edgeml_converters.formats.tflite_read import Op

# What these cost depends on the run, on graphs inside of them, or is not known to this table.
_UNKNOWN = {
    "CUSTOM",
    "WHILE",
    "IF",
    "SVDF",
    "CONV_3D_TRANSPOSE",
    "STABLEHLO_DOT_GENERAL",
    "STABLEHLO_CONVOLUTION",
    "STABLEHLO_WHILE",
    "STABLEHLO_COMPOSITE",
}
# Every weight once for each step of each sample; x is [batch, steps, ...] or [steps, batch, ...].
_SEQUENCES = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "UNIDIRECTIONAL_SEQUENCE_RNN",
    "BIDIRECTIONAL_SEQUENCE_LSTM",
    "BIDIRECTIONAL_SEQUENCE_RNN",
}
_CELLS = {"LSTM", "RNN"}  # one step; x is [batch, features]


def macs(op: Op, matrices: int, y: Shape) -> int | None:
    """0 for an operator that is no product, None where its count is not known before a run.

    matrices: how many numbers its weights of two axes hold; y: the shape of the first output.
    """
    if op.kind in _UNKNOWN:
        return None
    inputs: list[Shape] = [() if tensor is None else tensor.shape for tensor in op.inputs]
    match op.kind:
        case "CONV_2D":  # weights [out, height, width, in / group]
            return prod(y) * prod(inputs[1][1:])
        case "DEPTHWISE_CONV_2D":  # weights [1, height, width, out]
            return prod(y) * prod(inputs[1][1:3])
        case "CONV_3D":  # weights [depth, height, width, in, out]
            return prod(y) * prod(inputs[1][:-1])
        case "TRANSPOSE_CONV":  # output shape, weights [out, height, width, in], x
            return prod(inputs[2]) * prod(inputs[1][:-1])
        case "FULLY_CONNECTED":  # weights [out, in]
            return prod(y) * inputs[1][-1]
        case "BATCH_MATMUL":
            return prod(y) * inputs[0][-2 if op.options.adjX else -1]
        case _ if op.kind in _SEQUENCES | _CELLS:
            return prod(inputs[0][: 2 if op.kind in _SEQUENCES else 1]) * matrices
        case _:
            return 0
