"""ONNX: each precision by ONNX Runtime's own tools, and int8 weights where those leave float."""

from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.transformers.float16 import convert_float_to_float16

from edgeml_converters.formats import onnx_write
from edgeml_converters.formats.npz import load as load_samples
from edgeml_converters.formats.tensors import Ranges
from edgeml_converters.quantise.activations import ranges_by
from edgeml_converters.quantise.given import rounded_inputs
from edgeml_converters.quantise.onnx.biases import correct_biases
from edgeml_converters.quantise.onnx.calibration import Seen, calibrate
from edgeml_converters.quantise.onnx.coverage import onnx_coverage
from edgeml_converters.quantise.onnx.edges import set_integer_edges
from edgeml_converters.quantise.onnx.folding import fold_moved_weights
from edgeml_converters.quantise.onnx.graph import (
    batched_nodes,
    half_nodes,
    kept_nodes,
    load,
    sort_nodes,
)
from edgeml_converters.quantise.onnx.loops import free_carried_weights
from edgeml_converters.quantise.onnx.static import (
    OPS,
    grouped_transposed,
    large_softmaxes,
    moves_of_inputs,
    quantise_static,
    touching,
)
from edgeml_converters.quantise.onnx.weights import quantise_weights
from edgeml_converters.steps.messages import Quantise, Quantised


def quantise_onnx(request: Quantise) -> Quantised:
    model = _ready(request.entry, request.keep_float, half=request.precision == "fp16")
    kept = kept_nodes(model, request.keep_float)
    activation_ranges: Ranges = {}
    with TemporaryDirectory(prefix="edgeml-quantise-") as temporary:
        scratch = Path(temporary)
        match request.precision:
            case "fp16":
                blocked = sorted(kept)
                model = convert_float_to_float16(model, keep_io_types=True, node_block_list=blocked)
            case "int8-dynamic":
                kept |= half_nodes(model)
                in_float = kept | batched_nodes(model)
                model = _dynamic(model, in_float, request.per_channel, scratch)
            case "int8":
                assert request.calibration is not None
                assert request.calibrator is not None
                seen = _seen(request.entry, request.calibration)
                activation_ranges = ranges_by(seen.activations, request.calibrator)
                kept |= touching(model, seen.unbounded) | large_softmaxes(model)
                in_float = kept | kept_nodes(model, request.float_activations)
                in_float |= batched_nodes(model) | grouped_transposed(model)
                in_float |= moves_of_inputs(model)
                correct_biases(model, seen.means, kept, request.per_channel)
                model = quantise_static(
                    model, activation_ranges, in_float, request.per_channel, scratch
                )
            case _:
                pass  # the weights alone
        if request.precision != "fp16":
            quantise_weights(model, kept, request.per_channel)
    if request.io is not None:
        set_integer_edges(model, request.io, activation_ranges)
    sort_nodes(model)  # the tools add nodes at the end
    share = onnx_coverage(model)
    onnx_write.write(model, Path(request.folder))
    file = Path(request.folder) / onnx_write.ENTRY
    names = {value.name: value.name for value in model.graph.input}
    given = rounded_inputs("onnx", file, names, activation_ranges, integers=request.io is not None)
    return Quantised(entry=onnx_write.ENTRY, coverage=share, ranges=activation_ranges, inputs=given)


def _ready(entry: str, keep_float: tuple[str, ...] = (), *, half: bool = False) -> onnx.ModelProto:
    """As `load`, with weights as constants wherever they are."""
    model = load(entry, half=half)
    fold_moved_weights(model, None if half else kept_nodes(model, keep_float))
    free_carried_weights(model)
    return model


@lru_cache(maxsize=1)  # every calibrator and repair asks for the same
def _seen(entry: str, samples: str) -> Seen:
    model = _ready(entry)
    with TemporaryDirectory(prefix="edgeml-calibrate-") as scratch:
        return calibrate(model, load_samples(Path(samples)), OPS, Path(scratch))


def _dynamic(
    model: onnx.ModelProto, kept: set[str], per_channel: bool, scratch: Path
) -> onnx.ModelProto:
    target = scratch / "dynamic.onnx"
    quantize_dynamic(
        model,
        target,
        per_channel=per_channel,
        weight_type=QuantType.QInt8,
        nodes_to_exclude=sorted(kept),
        extra_options={"EnableSubgraph": True},
    )
    return onnx.load(target)
