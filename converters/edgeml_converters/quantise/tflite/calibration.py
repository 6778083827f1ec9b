"""Ranges of the activations of a .tflite file over samples.

ai-edge-quantizer's own calibration knows only the extremes of each call and stops at a loop (Keras'
GRU and LSTM), whose result has no memory of its own after the call. This one gives loops no ranges:
what is in them and what takes their result stays float, with int8 weights.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from ai_edge_quantizer.utils.histogram_utils import DynamicHistogram

from edgeml_converters.formats.tensors import Array, Ranges
from edgeml_converters.formats.tflite_edit import activations, read
from edgeml_converters.quantise.calibrators import needs_histograms, range_of

_KEPT_OF_AVERAGE = 0.95  # as ai-edge-quantizer smooths
_BINS = 2048
# Beyond it a value is no activation but a stand-in for infinity, such as the padding of a maximum.
_LARGEST = 3e38


def calibrate(content: bytes, samples: Mapping[str, Array], method: str) -> Ranges:
    """The range of each float activation by the name of its tensor, sorted."""
    by_histogram = needs_histograms(method)
    ranges: Ranges = {}
    histograms: dict[str, DynamicHistogram] = {}
    for name, value in _activations(content, samples):
        low, high = float(value.min()), float(value.max())
        before = ranges.get(name, (low, high))
        if method == "moving-average":
            kept, new = _KEPT_OF_AVERAGE, 1 - _KEPT_OF_AVERAGE
            ranges[name] = (kept * before[0] + new * low, kept * before[1] + new * high)
        else:
            ranges[name] = (min(before[0], low), max(before[1], high))
        if by_histogram:
            histograms.setdefault(name, DynamicHistogram(_BINS)).add(value)
    if by_histogram:
        range_of_histogram = range_of(method)
        for name, histogram in histograms.items():
            counts, width = histogram.counts, histogram.bin_width
            assert width is not None
            edges = histogram.lower_bound + np.arange(len(counts) + 1) * width
            ranges[name] = range_of_histogram(counts, edges)
    return dict(sorted(ranges.items()))


def _activations(content: bytes, samples: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
    """Every float tensor that the main graph computes, for one sample after the other."""
    interpreter = Interpreter(
        model_content=content,
        num_threads=1,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    computed = set(activations(read(content)))
    inputs = _inputs(interpreter)
    tensors = [t for t in interpreter.get_tensor_details() if t["name"] in computed]
    for row in range(len(next(iter(samples.values())))):
        for name, index in inputs.items():
            interpreter.set_tensor(index, samples[name][row : row + 1])
        interpreter.invoke()
        for tensor in tensors:
            try:
                value = interpreter.get_tensor(tensor["index"])
            except ValueError:
                continue  # memory that the interpreter has given back
            value = value[np.abs(value) < _LARGEST]
            if value.size:
                yield tensor["name"], value


def _inputs(interpreter: Any) -> dict[str, int]:
    """Where each input goes, by the names that the engines use."""
    if len(interpreter.get_signature_list()) == 1:
        details = interpreter.get_signature_runner().get_input_details()
        return {name: detail["index"] for name, detail in details.items()}
    return {detail["name"]: detail["index"] for detail in interpreter.get_input_details()}
