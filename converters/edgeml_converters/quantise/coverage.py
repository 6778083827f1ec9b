"""How much of a file's weights is really of the precision that its name promises.

Biases and constants of element-wise ops are no weights: they are few and stay float by design.
"""

from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from edgeml.manifest import Format

if TYPE_CHECKING:
    import onnx


def coverage(form: Format, path: Path) -> float:
    """The share of the weights that is stored as float16 or as integers of 8 bits or fewer, in per
    cent of their bytes in the float file; 0 where the file has no weights."""
    if form == "onnx":
        import onnx

        from edgeml_converters.quantise.onnx.loops import free_carried_weights

        model = onnx.load(str(path), load_external_data=False)
        free_carried_weights(model)
        return onnx_coverage(model)
    from edgeml_converters.formats.tflite_edit import read, tflite_coverage

    return tflite_coverage(read(path.read_bytes()))


def onnx_coverage(model: "onnx.ModelProto") -> float:
    from onnx import TensorProto

    from edgeml_converters.quantise.onnx.graph import weights

    return share((prod(t.dims), t.data_type != TensorProto.FLOAT) for t in weights(model))


def share(weights: Iterable[tuple[int, bool]]) -> float:
    """In per cent: of the elements, which each had 4 bytes in the float file."""
    sizes = list(weights)
    every = sum(size for size, _ in sizes)
    return 100.0 * sum(size for size, quantised in sizes if quantised) / every if every else 0.0
