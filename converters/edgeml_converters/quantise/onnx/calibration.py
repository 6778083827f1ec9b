"""What calibration sees of the activations of an ONNX model, by running it with all as outputs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto

from edgeml_converters.formats.tensors import Array, Arrays
from edgeml_converters.quantise.activations import STANDS_FOR_INFINITY, Activation

CHUNK_SAMPLES = 16  # at once: every activation of all of them is in memory
_OTHER_FLOATS = (TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


def calibrate(
    model: onnx.ModelProto, samples: Arrays, ops: frozenset[str], scratch: Path
) -> tuple[dict[str, Activation], frozenset[str]]:
    """What is seen of each float tensor that an op of `ops` takes or makes, and of what the graph
    takes and answers with, by its name.

    And the names of those that have no range, since they hold infinities, nothing at all or floats
    of another width.
    scratch: a folder for a copy of the model.
    """
    model = onnx.shape_inference.infer_shapes(model)
    names = sorted(_activations(model, ops, (TensorProto.FLOAT,)))
    unbounded = _activations(model, ops, _OTHER_FLOATS)
    if not names:  # a session that is asked for nothing gives all outputs
        return {}, frozenset(unbounded)
    session = _session(model, names, scratch)
    seen: dict[str, Activation] = {name: Activation() for name in names}
    for feeds in _chunks(model, samples):
        for name, value in zip(names, session.run(names, feeds), strict=True):
            if not value.size or not (np.abs(value) < STANDS_FOR_INFINITY).all():
                unbounded.add(name)
            elif name not in unbounded:
                seen[name].add(value)
    return {n: a for n, a in seen.items() if n not in unbounded}, frozenset(unbounded)


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
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _chunks(model: onnx.ModelProto, samples: Arrays) -> Iterator[dict[str, Array]]:
    """The samples in the batches that the model takes: one where it is frozen to that."""
    weights = {tensor.name for tensor in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    first = [value.type.tensor_type.shape.dim[:1] for value in inputs]
    frozen = any(dimension.HasField("dim_value") for axes in first for dimension in axes)
    size = 1 if frozen else CHUNK_SAMPLES
    for start in range(0, len(next(iter(samples.values()))), size):
        yield {value.name: samples[value.name][start : start + size] for value in inputs}
