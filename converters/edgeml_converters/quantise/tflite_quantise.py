"""TFLite: each precision by ai-edge-quantizer."""

from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_quantizer.quantizer import Quantizer

from edgeml_converters.data import load as load_samples
from edgeml_converters.messages import Quantise, Quantised
from edgeml_converters.quantise.tflite_calibration import Ranges, calibrate
from edgeml_converters.quantise.tflite_file import read, tflite_coverage
from edgeml_converters.quantise.tflite_recipe import recipe, without_ranges

ENTRY = "model.tflite"


def quantise_tflite(request: Quantise) -> Quantised:
    content = Path(request.entry).read_bytes()
    ranges: Ranges = {}
    unranged: list[str] = []
    if request.precision == "int8":
        assert request.calibration is not None
        assert request.calibrator is not None
        samples = load_samples(Path(request.calibration))
        ranges = calibrate(content, samples, request.calibrator)
        unranged = without_ranges(read(content), ranges)
    rules = recipe(request.precision, request.keep_float, unranged, request.per_channel)
    quantizer = Quantizer(bytearray(content), rules.get_quantization_recipe())
    found: dict[str, Any] = {
        name: {"min": np.array([low]), "max": np.array([high])}
        for name, (low, high) in ranges.items()
    }
    result: Any = quantizer.quantize(found or None, enable_progress_report=False)
    done = bytes(result.quantized_model)
    (Path(request.folder) / ENTRY).write_bytes(done)
    return Quantised(entry=ENTRY, coverage=tflite_coverage(read(done)), ranges=ranges)
