"""The ways to make an .onnx file less precise, and how near its answers stay."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters.plain_figures import snr_db
from tests.converters.quantise.made import Array, Made

# dB over 64 samples that calibration did not see; measured is at least 2 dB more.
FLOORS: Mapping[str, float] = {
    "fp16": 62,
    "int8-weights": 36,
    "int8-dynamic": 32,
    "int8 minmax": 24,
    "int8 percentile": 24,
    "int8 error": 24,
    "int8 entropy": 18,
}
WAYS = tuple(FLOORS)


def answer(file: Path, x: Array) -> Array:
    return OnnxEngine(file).run({"x": x})["y"].astype(np.float64)


def snr(file: Path, model: Made) -> float:
    found = answer(file, model.x)
    assert found.shape == model.y.shape
    decibels = snr_db(found, model.y)
    assert decibels is not None
    return decibels
