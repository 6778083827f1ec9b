"""What calibration sees of the activations of an ONNX model, by running it with all as outputs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnx import TensorProto

from edgeml_converters.formats.tensors import Array, Arrays
from edgeml_converters.quantise.activations import Activation, bounds_of
from edgeml_converters.quantise.correction import Mean
from edgeml_converters.quantise.onnx.biases import Place, places

_OTHER_FLOATS = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


@dataclass(frozen=True)
class Seen:
    """activations: by the name of the tensor. unbounded: the names of those that have no range,
    since they hold infinities, nothing at all or floats of another width. means: of what layers
    take."""

    activations: dict[str, Activation]
    unbounded: frozenset[str]
    means: dict[Place, Mean]


def calibrate(model: onnx.ModelProto, samples: Arrays, ops: frozenset[str], scratch: Path) -> Seen:
    """What is seen of each float tensor that an op of `ops` takes or makes, and of what the graph
    takes and answers with.

    scratch: a folder for a copy of the model.
    """
    model = onnx.shape_inference.infer_shapes(model)
    names = sorted(_activations(model, ops, (TensorProto.FLOAT,)))
    unbounded = _activations(model, ops, _OTHER_FLOATS)
    if not names:  # a session that is asked for nothing gives all outputs
        return Seen({}, frozenset(unbounded), {})
    session = _session(model, names, scratch)
    seen: dict[str, Activation] = {name: Activation() for name in names}
    means: dict[Place, Mean] = {place: Mean() for place in places(model) if place[0] in seen}
    axes: dict[str, list[int]] = {}
    for name, axis in means:
        axes.setdefault(name, []).append(axis)
    for feeds in _feeds(model, samples):
        for name, value in zip(names, session.run(names, feeds), strict=True):
            if name in unbounded:
                continue
            if (bounds := bounds_of(value)) is None:
                unbounded.add(name)
            else:
                seen[name].add(value, bounds)
                for axis in axes.get(name, ()):
                    means[name, axis].add(value, axis)
    return Seen(
        {name: of for name, of in seen.items() if name not in unbounded},
        frozenset(unbounded),
        {place: mean for place, mean in means.items() if place[0] not in unbounded},
    )


def _activations(model: onnx.ModelProto, ops: frozenset[str], kinds: tuple[int, ...]) -> set[str]:
    graph = model.graph
    floats = {
        value.name
        for value in (*graph.value_info, *graph.input, *graph.output)
        if value.type.tensor_type.elem_type in kinds
    }
    constants = {tensor.name for tensor in graph.initializer}
    near = {
        name for node in graph.node if node.op_type in ops for name in (*node.input, *node.output)
    }
    own = {value.name for value in (*graph.input, *graph.output)}
    return ((near | own) & floats) - constants


def _session(model: onnx.ModelProto, names: list[str], scratch: Path) -> Any:
    shown = onnx.ModelProto()
    shown.CopyFrom(model)
    outputs = {value.name for value in shown.graph.output}
    for name in names:
        if name not in outputs:
            shown.graph.output.append(
                onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            )
    file = scratch / "shown.onnx"
    onnx.save_model(shown, file, save_as_external_data=True, location="shown.bin")
    options = onnxruntime.SessionOptions()
    # Every tensor as the graph has it, and none that an optimiser has taken away.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # Another format may be made beside this one; see `pipeline`.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _feeds(model: onnx.ModelProto, samples: Arrays) -> Iterator[dict[str, Array]]:
    """One sample after the other: all tensors of several are more than a processor holds near."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value.name for value in model.graph.input if value.name not in weights]
    for row in range(len(next(iter(samples.values())))):
        yield {name: samples[name][row : row + 1] for name in inputs}
