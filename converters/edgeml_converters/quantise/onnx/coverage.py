"""How much of an ONNX file's weights is of lower precision."""

from math import prod

import onnx
from onnx import TensorProto

from edgeml_converters.quantise.onnx.graph import weights
from edgeml_converters.quantise.share import share


def onnx_coverage(model: onnx.ModelProto) -> float:
    """In per cent of the weights' bytes in the float file; see quantise.coverage."""
    return share((prod(t.dims), t.data_type != TensorProto.FLOAT) for t in weights(model))
