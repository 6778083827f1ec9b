"""A file of lower precision out of a float one, for both formats; frameworks load when it runs.

What each precision does to the weights (large constants of layers) and to the activations:

    fp16            weights are stored as float16; ONNX computes in it where the engine can
    int8-weights    weights are stored as int8 and become float before they are used
    int8-dynamic    the same, and the engine rounds activations to int8 by the range of each call
    int8            the same, by ranges that were calibrated on data

A layer that the engines cannot compute in int8 keeps float activations, and its weights are stored
as int8 all the same. A softmax over 128 values or more stays float too, since its steps in int8 are
1/256. Inputs and outputs stay as they are in the float file, by name, dtype, shape.
"""

from pathlib import Path

from edgeml.errors import ConversionError, InputError
from edgeml_converters.quantise.calibrators import calibrators
from edgeml_converters.steps.messages import Quantise, Quantised


def quantise(request: Quantise) -> Quantised:
    """Writes the file of lower precision to `request.folder`; the float file is left alone.

    Raises InputError for a request without a precision, calibrator or data that it needs,
    ConversionError where nothing of the file can be quantised.
    """
    _check(request)
    Path(request.folder).mkdir(parents=True, exist_ok=True)
    if request.format == "onnx":
        from edgeml_converters.quantise.onnx.quantise import quantise_onnx

        quantised = quantise_onnx(request)
    else:
        from edgeml_converters.quantise.tflite.quantise import quantise_tflite

        quantised = quantise_tflite(request)
    if quantised.coverage == 0.0 and not request.nothing_is_fine:
        raise ConversionError(
            f"Nothing in {Path(request.entry).name} could be made {request.precision}: it has no "
            "weights of a layer that can be quantised; use its fp32 variant."
        )
    return quantised


def _check(request: Quantise) -> None:
    if request.precision == "fp32":
        raise InputError("fp32 is the precision of the float file itself; ask for another one.")
    if request.precision != "int8":
        return
    names = calibrators(request.format)
    if request.calibrator not in names:
        raise InputError(
            f"There is no calibrator {request.calibrator!r} for {request.format}; use one of "
            f"{', '.join(names)}."
        )
    if request.calibration is None:
        raise InputError("int8 needs samples to calibrate on; give data.")
