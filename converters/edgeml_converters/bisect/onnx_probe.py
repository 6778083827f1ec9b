"""Every float tensor of an .onnx file, seen by making it an output."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from edgeml_converters.bisect.probe import Place, Probe
from edgeml_converters.formats.onnx_read import QUANTISED, read_graph
from edgeml_converters.formats.tensors import Arrays

_FLOATS = {"tensor(float)": "float32", "tensor(float16)": "float16", "tensor(double)": "float64"}
_SAMPLES = 8
_WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"


class OnnxProbe(Probe):
    """Without graph optimisation, so that each node does what the file says.

    Where a tensor goes through QuantizeLinear and DequantizeLinear, what comes out of them is
    shown under the tensor's own name, since that is what the nodes after it work with.
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
        floats = _dtypes(self._session.get_outputs())
        self._inputs = _dtypes(self._session.get_inputs())
        weights = {tensor.name for tensor in graph.initializer}
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
        frozen = any(value.shape[:1] == [1] for value in self._session.get_inputs())
        self.samples = 1 if frozen else _SAMPLES

    def run(self, feeds: Arrays) -> dict[str, npt.NDArray[Any]]:
        outputs = [shown for shown in self._shown.values() if shown not in self._inputs]
        values = dict(zip(outputs, self._session.run(outputs, dict(feeds)), strict=True))
        return {
            name: np.asarray(feeds[name] if shown in self._inputs else values[shown], np.float64)
            for name, shown in self._shown.items()
        }


def open_session(model: onnx.ModelProto, path: Path) -> onnxruntime.InferenceSession:
    """Without graph optimisation; path: where the file lies that the model was read from."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.add_session_config_entry(_WEIGHTS_FOLDER, str(path.absolute().parent))
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _dtypes(values: Sequence[Any]) -> dict[str, str]:
    """Of the float tensors among a session's inputs or outputs, by name."""
    return {v.name: _FLOATS[str(v.type)] for v in values if str(v.type) in _FLOATS}


def _hints(name: str, node: onnx.NodeProto, weights: set[str]) -> tuple[str, ...]:
    return (name, node.name, *(taken for taken in node.input if taken in weights))
