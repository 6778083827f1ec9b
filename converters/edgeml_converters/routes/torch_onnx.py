"""PyTorch to ONNX, by torch.export or, as the fallback, by tracing to TorchScript."""

import io
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnx
import torch
from torch.jit._trace import TracerWarning

from edgeml.errors import EngineError
from edgeml_converters.bisect.origin import sources
from edgeml_converters.formats import onnx_write
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.frameworks.torch_adapted import answering_plainly
from edgeml_converters.frameworks.torch_float32 import float_dtypes, without_double
from edgeml_converters.frameworks.torch_model import TorchModel
from edgeml_converters.frameworks.torch_reads import places_that_read, reads_of
from edgeml_converters.frameworks.torch_values import caught, explained
from edgeml_converters.routes.onnx_rewrites import round_constants
from edgeml_converters.routes.route import RouteFunction
from edgeml_converters.routes.torch_cond import both_ways
from edgeml_converters.routes.torch_integers import know_shifts
from edgeml_converters.routes.torchscript_integers import round_down
from edgeml_converters.steps.messages import Converted
from edgeml_runtime.engines.onnx import OnnxEngine


def by_dynamo(
    model: TorchModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    """The batch stays free: without `dynamic_shapes` it would be frozen to the example's."""
    know_shifts()
    return _in_known_floats(_by_dynamo, model, arrays, outputs, folder)


def by_torchscript(
    model: TorchModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    round_down()
    return _in_known_floats(_by_torchscript, model, arrays, outputs, folder)


def _in_known_floats(
    route: RouteFunction,
    model: TorchModel,
    arrays: Arrays,
    outputs: tuple[str, ...],
    folder: Path,
) -> Converted:
    """What computes in float64 between inputs that do not stays so where onnxruntime has the
    operators for it, else it is in float32."""
    converted = route(model, arrays, outputs, folder)
    doubles = any(array.dtype == np.float64 for array in arrays.values())
    if doubles or model.form != "module" or torch.float64 not in float_dtypes(model.target):
        return converted
    try:
        OnnxEngine(folder / converted.entry)
    except EngineError:
        for file in folder.iterdir():
            file.unlink()
        single = model.around(without_double(model.target), model.inputs)
        return route(single, arrays, outputs, folder)
    return converted


def _by_dynamo(
    model: TorchModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    model = answering_plainly(model, arrays)
    shapes: Any = None
    if model.form == "module" and model.batch is None:
        batch = torch.export.Dim("batch", min=1)
        sizes = {one.size: torch.export.Dim(one.size) for one in model.asked.free}
        shapes = tuple(
            {0: batch, **{axis: sizes[size] for axis, size in model.asked.free_axes(name).items()}}
            for name in arrays
        )
    with explained(model, arrays):
        program = torch.onnx.export(
            model.target,
            () if model.form == "exported" else model.tensors(arrays),
            None,
            dynamo=True,
            dynamic_shapes=shapes,
            input_names=list(arrays),
            output_names=list(outputs),
            opset_version=model.asked.opset,
            verbose=False,
        )
    assert program is not None
    _free_output_names(program.model.graph, outputs)
    # Beside the folder and not in it: the names of the model's modules are for `edgeml bisect`.
    origins = msgspec.json.encode(sources(program.model_proto), order="sorted")
    (folder.parent / "sources.json").write_bytes(origins)
    proto = program.model_proto
    if model.precision != "fp32":
        round_constants(proto.graph)
    onnx_write.write(proto, folder)
    return Converted(entry=onnx_write.ENTRY, frozen=caught(model, arrays))


def _free_output_names(graph: Any, outputs: tuple[str, ...]) -> None:
    """Renames inner values that the exporter gave the name of an output: a mean inside a model that
    answers `mean` would be defined twice."""
    for node in graph.all_nodes():
        for value in node.outputs:
            if value.name in outputs and not value.is_graph_output():
                value.name = f"{value.name}_inside"


def _by_torchscript(
    model: TorchModel, arrays: Arrays, outputs: tuple[str, ...], folder: Path
) -> Converted:
    model = answering_plainly(model, arrays)
    traced = onnx.load_from_string(_traced(model, arrays, outputs))
    onnx_write.write(traced, folder)
    return Converted(entry=onnx_write.ENTRY, frozen=_frozen(model, arrays, outputs))


def _traced(model: TorchModel, arrays: Arrays, outputs: tuple[str, ...]) -> bytes:
    stream: Any = io.BytesIO()
    target: Any = model.call  # an exported program as its module, which can be traced
    free = {} if model.batch else {name: {0: "batch"} for name in (*arrays, *outputs)}
    for name in arrays:
        free.setdefault(name, {}).update(model.asked.free_axes(name))
    with warnings.catch_warnings(), both_ways(target):
        warnings.simplefilter("ignore", TracerWarning)  # see _frozen
        torch.onnx.export(
            target,
            model.tensors(arrays),
            stream,
            dynamo=False,
            dynamic_axes=free,
            input_names=list(arrays),
            output_names=list(outputs),
            opset_version=model.asked.opset,
            # An exported program is in evaluation mode and refuses to be put there again.
            training=torch.onnx.TrainingMode.PRESERVE
            if model.form == "exported"
            else torch.onnx.TrainingMode.EVAL,
        )
    written: bytes = stream.getvalue()
    return written


@contextmanager
def _untrainable(module: torch.nn.Module) -> Generator[None]:
    """Not for a whole export: PyTorch's layers then take ways that ONNX has no operators for."""
    trainable = [weight for weight in module.parameters() if weight.requires_grad]
    module.requires_grad_(False)
    try:
        yield
    finally:
        for weight in trainable:
            weight.requires_grad_(True)


def _frozen(model: TorchModel, arrays: Arrays, outputs: tuple[str, ...]) -> tuple[str, ...]:
    """Where the trace made constants of values of the inputs, found by watching a second one: what
    watches a model may change how PyTorch runs it.

    The tracer itself warns of weights and shapes too, which a file may hold as constants, and not
    of every value.
    """
    if model.form != "module" or not places_that_read(model.call, model.tensors(arrays)):
        return ()
    try:
        with reads_of(model.target) as places:
            _traced(model, arrays, outputs)
    except RuntimeError:  # watched, some weights are constants to it, which must not be trainable
        with _untrainable(model.target), reads_of(model.target) as places:
            _traced(model, arrays, outputs)
    return tuple(str(place) for place in places if not place.harmless)
