"""TFLite: each precision by litert-quantizer, and by our own code the weights that it leaves."""

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from litert_quantizer.quantizer import Quantizer

from edgeml_converters.formats.npz import load as load_samples
from edgeml_converters.formats.tensors import Ranges
from edgeml_converters.formats.tflite_edit import outputs, read, tensor_name, write
from edgeml_converters.quantise.activations import ranges_by
from edgeml_converters.quantise.edges import widened
from edgeml_converters.quantise.given import rounded_inputs
from edgeml_converters.quantise.tflite.answers import restore_names
from edgeml_converters.quantise.tflite.biases import correct_biases
from edgeml_converters.quantise.tflite.calibration import Seen, calibrate
from edgeml_converters.quantise.tflite.coverage import tflite_coverage
from edgeml_converters.quantise.tflite.edges import set_integer_edges
from edgeml_converters.quantise.tflite.ready import Ready, ready
from edgeml_converters.quantise.tflite.recipe import (
    between_floats,
    large_softmaxes,
    moves_of_inputs,
    recipe,
    without_ranges,
)
from edgeml_converters.quantise.tflite.shared import part_kept
from edgeml_converters.quantise.tflite.weights import quantise_rest
from edgeml_converters.steps.messages import Quantise, Quantised

ENTRY = "model.tflite"


def quantise_tflite(request: Quantise) -> Quantised:
    content = Path(request.entry).read_bytes()
    file = ready(content, static=request.precision == "int8")
    model = read(file.content)
    edges = _edges(model)
    handed_on = moves_of_inputs(model) if request.precision == "int8" else []
    kept = (*file.named(request.keep_float), *handed_on)
    ranges: Ranges = {}
    unranged: list[str] = []
    if request.precision == "int8":
        assert request.calibration is not None
        assert request.calibrator is not None
        seen = _seen(request.entry, request.calibration)
        ranges = ranges_by(seen.activations, request.calibrator)
        unranged = [*without_ranges(model, ranges), *file.named(request.float_activations)]
        kept = tuple(dict.fromkeys((*kept, *file.named(large_softmaxes(model)))))
        unranged += between_floats(model, (*kept, *unranged))
        correct_biases(model, seen.means, kept, request.per_channel)
    part_kept(model, kept)
    statistics = _statistics(model, file, ranges)
    if request.precision != "int8" or statistics:  # else there is no float in it
        rules = recipe(request.precision, kept, unranged, request.per_channel)
        quantizer = Quantizer(bytearray(write(model)), rules.get_quantization_recipe())
        result: Any = quantizer.quantize(statistics or None, enable_progress_report=False)
        model = read(bytes(result.quantized_model))
    quantise_rest(model, request.precision, kept)
    restore_names(model, content)
    if request.io is not None:
        set_integer_edges(model, request.io, edges, ranges)
    quantised = write(model)
    path = Path(request.folder) / ENTRY
    path.write_bytes(quantised)
    names = _inputs(read(content))
    given = rounded_inputs("tflite", path, names, ranges, integers=request.io is not None)
    return Quantised(entry=ENTRY, coverage=tflite_coverage(model), ranges=ranges, inputs=given)


@lru_cache(maxsize=1)  # every calibrator and repair asks for the same
def _seen(entry: str, samples: str) -> Seen:
    file = ready(Path(entry).read_bytes(), static=True)
    return calibrate(file.content, load_samples(Path(samples)))


def _edges(model: Any) -> tuple[list[str], list[str]]:
    """The names of what the main graph takes, and of what it answers with."""
    main = model.subgraphs[0]
    taken, given = (
        [tensor_name(main.tensors[int(index)]) for index in indices]
        for indices in (main.inputs, main.outputs)
    )
    return taken, given


def _inputs(model: Any) -> dict[str, str]:
    """The tensors of what the main graph takes, by the names that engines have for them."""
    main = model.subgraphs[0]
    tensors = {int(index): tensor_name(main.tensors[int(index)]) for index in main.inputs}
    if len(model.signatureDefs or ()) != 1:
        return {name: name for name in tensors.values()}
    return {
        one.name.decode(): tensors[int(one.tensorIndex)] for one in model.signatureDefs[0].inputs
    }


def _statistics(model: Any, file: Ready, ranges: Ranges) -> dict[str, Any]:
    """The ranges in litert-quantizer's form, those of the file's own outputs a little wider.

    Each is an array of its tensor's rank: a constant beside the tensor, as the class token of a
    vision transformer, is quantised by it and must be of that rank too. model: what is in `file`.
    """
    answers = {*outputs(model), *file.copies.values()}
    ranks = {tensor_name(t): len(t.shape) for g in model.subgraphs for t in g.tensors}
    statistics: dict[str, Any] = {}
    for name, (low, high) in ranges.items():
        low, high = widened((low, high)) if name in answers else (low, high)
        shape = (1,) * ranks[name]
        statistics[name] = {"min": np.full(shape, low), "max": np.full(shape, high)}
    return statistics
