"""TFLite: each precision by ai-edge-quantizer, and by our own code the weights that it leaves."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_quantizer.quantizer import Quantizer

from edgeml_converters.formats.npz import load as load_samples
from edgeml_converters.formats.tensors import Ranges
from edgeml_converters.formats.tflite_edit import outputs, read, write
from edgeml_converters.quantise.activations import Activation, ranges_by
from edgeml_converters.quantise.tflite.answers import keep_answers
from edgeml_converters.quantise.tflite.calibration import calibrate
from edgeml_converters.quantise.tflite.coverage import tflite_coverage
from edgeml_converters.quantise.tflite.recipe import recipe, without_ranges
from edgeml_converters.quantise.tflite.weights import quantise_rest
from edgeml_converters.steps.messages import Quantise, Quantised

ENTRY = "model.tflite"
# Answers go beyond what calibration saw, and those that do are cut off: 64 samples cost up to 12 dB
# of signal to noise on others, and the coarser steps of a range wider by this share 0.4 dB.
_ANSWER_MARGIN = 0.25


def quantise_tflite(request: Quantise) -> Quantised:
    content = Path(request.entry).read_bytes()
    ranges: Ranges = {}
    unranged: list[str] = []
    if request.precision == "int8":
        assert request.calibration is not None
        assert request.calibrator is not None
        ranges = ranges_by(_seen(request.entry, request.calibration), request.calibrator)
        unranged = without_ranges(read(content), ranges)
    rules = recipe(request.precision, request.keep_float, unranged, request.per_channel)
    quantizer = Quantizer(bytearray(content), rules.get_quantization_recipe())
    statistics = _statistics(ranges, outputs(read(content)))
    result: Any = quantizer.quantize(statistics or None, enable_progress_report=False)
    model = read(bytes(result.quantized_model))
    keep_answers(model, read(content))
    quantise_rest(model, request.precision, request.keep_float)
    quantised = write(model)
    (Path(request.folder) / ENTRY).write_bytes(quantised)
    return Quantised(entry=ENTRY, coverage=tflite_coverage(model), ranges=ranges)


@lru_cache(maxsize=1)  # every calibrator and repair asks for the same
def _seen(entry: str, samples: str) -> dict[str, Activation]:
    return calibrate(Path(entry).read_bytes(), load_samples(Path(samples)))


def _statistics(ranges: Ranges, file_outputs: set[str]) -> dict[str, Any]:
    """The ranges in ai-edge-quantizer's form, those of the file's own outputs a little wider."""
    statistics: dict[str, Any] = {}
    for name, (low, high) in ranges.items():
        more = (high - low) * _ANSWER_MARGIN / 2 if name in file_outputs else 0.0
        statistics[name] = {"min": np.array([low - more]), "max": np.array([high + more])}
    return statistics
