"""How much of a file's weights is really of the precision that its name promises.

Biases and constants of element-wise ops are no weights: they are few and stay float by design.
"""

from pathlib import Path

from edgeml.manifest import Format

MIN_COVERAGE_PERCENT = 50.0
"""Below it a file is of its precision in name only."""


def coverage(form: Format, path: Path) -> float:
    """The share of the weights that is stored as float16 or as integers of 8 bits or fewer, in per
    cent of their bytes in the float file; 0 where the file has no weights."""
    if form == "onnx":
        import onnx

        from edgeml_converters.quantise.onnx.coverage import onnx_coverage
        from edgeml_converters.quantise.onnx.loops import free_carried_weights

        model = onnx.load(str(path), load_external_data=False)
        free_carried_weights(model)
        return onnx_coverage(model)
    from edgeml_converters.formats.tflite_edit import read
    from edgeml_converters.quantise.tflite.coverage import tflite_coverage

    return tflite_coverage(read(path.read_bytes()))
