"""Small .tflite nets that run, whose answers are known."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from tests.converters.tflite_files import Graph, Op, Tensor, write

OPTIONS = schema.BuiltinOptions


def convolution(path: Path, weights: npt.NDArray[Any], dense: npt.NDArray[Any]) -> Path:
    """scores = dense . conv(image); image [1, 4, 4, c], weights [o, 3, 3, c], dense [n, o]."""
    out, channels = weights.shape[0], weights.shape[3]
    conv: Any = schema.Conv2DOptionsT()
    conv.padding, conv.strideW, conv.strideH = schema.Padding.SAME, 1, 1
    conv.dilationWFactor = conv.dilationHFactor = 1
    full: Any = schema.FullyConnectedOptionsT()
    full.keepNumDims = True
    tensors = [
        Tensor("image", (1, 4, 4, channels)),
        Tensor("kernel", values=weights.astype(np.float32)),
        Tensor("bias", values=np.zeros(out, np.float32)),
        Tensor("maps", (1, 4, 4, out)),
        Tensor("matrix", values=dense.astype(np.float32)),
        Tensor("scores", (1, 4, 4, dense.shape[0])),
    ]
    ops = [
        Op("CONV_2D", (0, 1, 2), (3,), options=(OPTIONS.Conv2DOptions, conv)),
        Op("FULLY_CONNECTED", (3, 4, -1), (5,), options=(OPTIONS.FullyConnectedOptions, full)),
    ]
    return write(path, Graph(tensors, ops, outputs=(5,)))


def pair(path: Path, outputs: tuple[str, str]) -> Path:
    """outputs[0] = a + b and outputs[1] = a - b over [1, 3]."""
    tensors = [Tensor(name, (1, 3)) for name in ("a", "b", *outputs)]
    ops = [
        Op("ADD", (0, 1), (2,), options=(OPTIONS.AddOptions, schema.AddOptionsT())),
        Op("SUB", (0, 1), (3,), options=(OPTIONS.SubOptions, schema.SubOptionsT())),
    ]
    return write(path, Graph(tensors, ops, inputs=(0, 1), outputs=(2, 3)))
