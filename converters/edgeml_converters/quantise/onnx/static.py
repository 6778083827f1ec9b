"""Static int8 in ONNX: ranges of activations from data, then QuantizeLinear and DequantizeLinear
around every op that ONNX Runtime computes in int8."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization.calibrate import (
    CalibrationDataReader,
    CalibrationMethod,
    TensorsData,
    create_calibrator,
)
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import QuantType, save_and_reload_model_with_shape_infer
from onnxruntime.quantization.registry import QDQRegistry, QLinearOpsRegistry

from edgeml_converters.formats.tensors import Array, Arrays, Ranges
from edgeml_converters.quantise.calibrators import range_of
from edgeml_converters.quantise.onnx.outputs import drop_needless_rounding

CHUNK_SAMPLES = 16  # at once: every activation of all of them is in memory
METHODS: dict[str, tuple[CalibrationMethod, dict[str, Any]]] = {
    "minmax": (CalibrationMethod.MinMax, {}),
    "percentile": (CalibrationMethod.Percentile, {"percentile": 99.99, "symmetric": False}),
    # Fewer bins than ONNX Runtime's 128 levels leave entropy nothing to choose from.
    "entropy": (CalibrationMethod.Entropy, {"num_bins": 256, "num_quantized_bins": 128}),
}
_HISTOGRAMS: tuple[CalibrationMethod, dict[str, Any]] = (
    CalibrationMethod.Percentile,
    {"symmetric": False},
)
_OPS = sorted({*QDQRegistry, *QLinearOpsRegistry})


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """One batch."""

    def __init__(self, feeds: dict[str, Array]) -> None:
        self._feeds = iter([feeds])

    def get_next(self) -> dict[str, Array]:
        return next(self._feeds, {})


def calibrate(model: onnx.ModelProto, samples: Arrays, method: str, scratch: Path) -> TensorsData:
    """The range of each activation over the samples, by the name of its tensor."""
    kind, options = METHODS.get(method, _HISTOGRAMS)
    file = scratch / "float.onnx"
    onnx.save_model(model, file)
    calibrator: Any = create_calibrator(
        file,
        _OPS,
        augmented_model_path=str(scratch / "augmented.onnx"),
        calibrate_method=kind,
        extra_options=options,
    )
    for feeds in _chunks(model, samples):
        calibrator.collect_data(_Reader(dict(feeds)))
    if method in METHODS:
        computed: TensorsData = calibrator.compute_data()
        return computed
    range_of_histogram = range_of(method)
    narrowed: dict[str, Any] = {
        name: tuple(np.array(end, np.float32) for end in range_of_histogram(counts, edges))
        for name, (counts, edges, *_) in calibrator.collector.histogram_dict.items()
    }
    return TensorsData(CalibrationMethod.MinMax, narrowed)


def _chunks(model: onnx.ModelProto, samples: Arrays) -> Iterator[Arrays]:
    """The samples in the batches that the model takes: one where it is frozen to that."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    first = [value.type.tensor_type.shape.dim[:1] for value in inputs]
    frozen = any(dimension.HasField("dim_value") for axes in first for dimension in axes)
    size = 1 if frozen else CHUNK_SAMPLES
    for start in range(0, len(next(iter(samples.values()))), size):
        yield {value.name: samples[value.name][start : start + size] for value in inputs}


def quantise_static(
    model: onnx.ModelProto, calibration: TensorsData, kept: set[str], per_channel: bool
) -> onnx.ModelProto:
    """The model with int8 weights and activations wherever ONNX Runtime has a kernel for it.

    calibration: what `calibrate` returned. kept: nodes that stay float.
    """
    quantizer = QDQQuantizer(
        save_and_reload_model_with_shape_infer(model),
        per_channel,
        False,  # no 7-bit weights: only x86 processors before VNNI need them
        QuantType.QInt8,
        QuantType.QInt8,
        calibration,
        [],
        sorted(kept),
        _OPS,
        {},
    )
    quantizer.quantize_model()
    quantised: onnx.ModelProto = quantizer.model.model
    drop_needless_rounding(quantised.graph, frozenset(_OPS))
    return quantised


def ranges(calibration: TensorsData) -> Ranges:
    """Lowest and highest value of each activation, as plain numbers."""
    return {
        name: (float(np.min(data.lowest)), float(np.max(data.highest)))
        for name, data in sorted(calibration.items())
    }
