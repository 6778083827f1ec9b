"""Models that PyTorch itself has quantised keep their answers on the way to a file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import helper, numpy_helper

from edgeml.errors import ConversionError
from edgeml_converters.frameworks.torch_model import TorchModel, wrap
from edgeml_converters.frameworks.torch_quantised import (
    frozen,
    in_int8,
    packed,
    precision_of,
)
from edgeml_converters.frameworks.torch_values import explained
from edgeml_converters.routes.onnx_rewrites import round_constants
from tests.converters import quantised_torch
from tests.converters.commands import convert

# torch.ao says that torchao will take its place.
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]


def _answers(module: Any) -> Any:
    with torch.no_grad():
        return module(quantised_torch.images(64) * 1.5).numpy()  # beyond what was seen as well


def test_a_graph_in_int8_says_what_it_said_in_uint8() -> None:
    graph = quantised_torch.graph()
    expected = _answers(graph)
    changed: Any = in_int8(graph)
    assert np.array_equal(_answers(changed), expected)
    assert np.array_equal(_answers(graph), expected)  # it itself is as it was
    kinds = [node.args[-1] for node in changed.graph.nodes if "quantize" in str(node.target)]
    assert kinds and torch.uint8 not in kinds
    stored = [n.args[0].op for n in changed.graph.nodes if "dequantize_per_ch" in str(n.target)]
    assert stored == ["call_function", "call_function"]


@pytest.mark.parametrize("backend", ["x86", "qnnpack"])
def test_what_rounds_while_it_is_trained_rounds_the_same_by_numbers(backend: str) -> None:
    trained = quantised_torch.trained(backend)
    trained.apply(torch.ao.quantization.disable_observer)
    expected = _answers(trained)
    changed = frozen(trained)
    assert np.abs(_answers(changed) - expected).max() < 1e-5 * np.abs(expected).max()
    assert precision_of(changed) == "int8" and not packed(changed)


def test_a_quantised_model_is_said_to_be_of_its_precision() -> None:
    for made in (quantised_torch.graph(), quantised_torch.trained(), quantised_torch.packed()):
        model = wrap(made)
        assert model is not None and model.precision == "int8"
    weights = wrap(quantised_torch.weights_alone())
    assert weights is not None and weights.precision == "int8-weights"
    plain = wrap(quantised_torch.Net())
    assert plain is not None and plain.precision == "fp32"


def test_a_quantised_program_is_taken_as_it_is(tmp_path: Path) -> None:
    source = quantised_torch.save(tmp_path / "net.pt2")
    np.savez(tmp_path / "data.npz", image=quantised_torch.images(160).numpy())
    role = ("--output", "output=regression,error=0.1")
    ended = convert(source, tmp_path / "data.npz", tmp_path / "out", *role)
    assert ended.code == 0, ended.err
    assert {row["id"] for row in ended.report["variants"]} == {"onnx-int8", "tflite-int8"}
    assert ended.report["assumed"] == ["net.pt2 is int8 already and was taken as it is."]
    for engine in (engine for row in ended.report["variants"] for engine in row["engines"]):
        assert engine["outputs"][0]["snr_db"] > 35
    asked = ("--precision", "int8", "--io", "int8")
    ended = convert(source, tmp_path / "data.npz", tmp_path / "io", *asked, to=["onnx"])
    assert ended.code == 2 and "net.pt2 is int8 already" in ended.sentence


def test_packed_weights_are_refused_with_what_to_give() -> None:
    model = wrap(quantised_torch.packed())
    assert isinstance(model, TorchModel)
    told = "lie packed for PyTorch's own processor.* as it was before torch.ao.quantization.convert"
    with pytest.raises(ConversionError, match=told), explained(model, {}):
        raise AttributeError("Conv2dPackedParamsBase does not have a field __obj_flatten__")


def test_weights_that_are_rounded_in_training_are_stored_as_integers() -> None:
    weights = np.array([[0.05, -0.2, 12.9], [-0.05, 0.15, -20.0]], np.float32)
    constants = {"w": weights, "s": np.array([0.1, 0.2], np.float32), "z": np.zeros(2, np.int8)}
    nodes = [
        helper.make_node("QuantizeLinear", ["w", "s", "z"], ["q"], axis=0),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], axis=0),
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"], axis=0),
    ]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    values = [helper.make_tensor_value_info(name, 1, [2, 3]) for name in ("x", "d", "y")]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], initializers)
    round_constants(graph)
    assert [node.op_type for node in graph.node] == ["DequantizeLinear", "QuantizeLinear"]
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    assert found.keys() == {"s", "z", "q"}
    assert found["q"].tolist() == [[0, -2, 127], [0, 1, -100]] and found["q"].dtype == np.int8
