"""Every float tensor of an .onnx file, seen by making it an output."""

from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from edgeml_converters.bisect.probe import Place, Probe, wide
from edgeml_converters.formats.onnx_edges import edges
from edgeml_converters.formats.onnx_read import QUANTISED, read_graph
from edgeml_converters.formats.onnx_walk import constants
from edgeml_converters.formats.tensors import Arrays

_FLOATS = {"float": "float32", "float16": "float16", "double": "float64"}
_WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"


class OnnxProbe(Probe):
    """Without graph optimisation, so that each node does what the file says.

    Where a tensor goes through QuantizeLinear and DequantizeLinear, what comes out of them is
    shown under the tensor's own name, since that is what the nodes after it work with. Inputs and
    outputs that are integers for floats are taken and shown as floats.
    """

    def __init__(self, path: Path) -> None:
        model = read_graph(path)
        graph = model.graph
        makers = {output: node for node in graph.node for output in node.output if output}
        outputs = {value.name for value in graph.output}
        graph.output.extend(
            onnx.ValueInfoProto(name=name) for name in makers if name not in outputs
        )
        self._session = open_session(model, path)
        self._edges = edges(graph)
        floats = _dtypes(self._session.get_outputs(), self._edges)
        self._inputs = _dtypes(self._session.get_inputs(), self._edges)
        weights = set(constants(graph))
        self.places = (
            *(Place(name, "Input", (name,), dtype) for name, dtype in self._inputs.items()),
            *(
                Place(name, node.op_type, _hints(name, node, weights), floats[name])
                for name, node in makers.items()
                if name in floats and node.op_type != "Constant" and not name.endswith(QUANTISED)
            ),
        )
        self._shown = {
            place.name: place.name + QUANTISED if place.name + QUANTISED in floats else place.name
            for place in self.places
        }

    def run(self, feeds: Arrays) -> dict[str, npt.NDArray[Any]]:
        outputs = [shown for shown in self._shown.values() if shown not in self._inputs]
        taken = {name: self._rounded(name, array) for name, array in feeds.items()}
        values = dict(zip(outputs, self._session.run(outputs, taken), strict=True))
        return {
            name: self._real(shown, taken[name] if shown in self._inputs else values[shown])
            for name, shown in self._shown.items()
        }

    def _rounded(self, name: str, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        means = self._edges.get(name)
        return array if means is None else means.as_taken(array, self._inputs[name])

    def _real(self, name: str, value: Any) -> npt.NDArray[Any]:
        means, array = self._edges.get(name), np.asarray(value)
        return wide(array if means is None else means.reals(array))


def open_session(model: onnx.ModelProto, path: Path) -> onnxruntime.InferenceSession:
    """Without graph optimisation; path: where the file lies that the model was read from."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.add_session_config_entry(_WEIGHTS_FOLDER, str(path.absolute().parent))
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _dtypes(values: Sequence[Any], integers: Container[str]) -> dict[str, str]:
    """Of the float tensors among a session's inputs or outputs, and of integers that stand for
    some, by name."""
    kinds = {v.name: str(v.type).removeprefix("tensor(").removesuffix(")") for v in values}
    return {
        name: _FLOATS.get(kind, kind)
        for name, kind in kinds.items()
        if kind in _FLOATS or name in integers
    }


def _hints(name: str, node: onnx.NodeProto, weights: set[str]) -> tuple[str, ...]:
    return (name, node.name, *(taken for taken in node.input if taken in weights))
