"""Warnings of inputs beyond their calibrated range, and which inputs are rounded at all."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.formats.tflite_edit import read, write
from edgeml_converters.quantise import quantise
from edgeml_converters.variants.outside import outside_calibration
from tests.converters.quantise.made import quantise_in_process, request, samples
from tests.converters.tflite_files import Graph, Op, Tensor, content


def _onnx(path: Path) -> Path:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"], "layer")],
        "layer",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 6])],
        [numpy_helper.from_array(samples(1, 6, (6,)), "w")],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def _tflite(path: Path) -> Path:
    """Its signature calls x what the tensor is not called."""
    full = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    turn: Any = schema.ReshapeOptionsT()
    turn.newShape = [1, 6]
    reshape = Op("RESHAPE", (0, 4), (1,), options=(schema.BuiltinOptions.ReshapeOptions, turn))
    tensors = [
        Tensor("serving_default_x", (1, 2, 3)),
        Tensor("flat", (1, 6)),
        Tensor("w", values=samples(1, 6, (6,))),
        Tensor("y", (1, 6)),
        Tensor("shape", type=schema.TensorType.INT32, values=np.array([1, 6], np.int32)),
    ]
    dense = Op("FULLY_CONNECTED", (1, 2, -1), (3,), options=full)
    model = read(content(Graph(tensors, [reshape, dense], outputs=(3,))))
    signature: Any = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = "serving_default", 0
    signature.inputs, signature.outputs = [], []
    for maps, name, index in ((signature.inputs, "x", 0), (signature.outputs, "y", 3)):
        named: Any = schema.TensorMapT()
        named.name, named.tensorIndex = name, index
        maps.append(named)
    model.signatureDefs = [signature]
    path.write_bytes(write(model))
    return path


@pytest.mark.parametrize("layer", ["int8", "float"])
def test_an_onnx_input_has_a_range_where_it_is_rounded(tmp_path: Path, layer: str) -> None:
    entry, x = _onnx(tmp_path / "float.onnx"), samples(2, 32, (6,))
    np.savez(tmp_path / "x.npz", x=x)
    kept = () if layer == "int8" else ("layer",)
    asked = request(
        entry, tmp_path / "made", "int8 minmax", tmp_path / "x.npz", keep_float=kept,
        nothing_is_fine=True,
    )  # fmt: skip
    rounded = {"x": (float(x.min()), float(x.max()))} if layer == "int8" else {}
    assert quantise(asked).inputs == rounded


@pytest.mark.tensorflow
@pytest.mark.torch
@pytest.mark.parametrize("layer", ["int8", "float"])
def test_a_tflite_input_has_a_range_by_the_name_in_the_signature(
    tmp_path: Path, layer: str
) -> None:
    entry, x = _tflite(tmp_path / "float.tflite"), samples(2, 32, (2, 3))
    np.savez(tmp_path / "x.npz", x=x)
    kept = () if layer == "int8" else ("y",)
    asked = request(
        entry, tmp_path / "made", "int8 minmax", tmp_path / "x.npz", keep_float=kept,
        nothing_is_fine=True,
    )  # fmt: skip
    (done,) = quantise_in_process([asked])
    rounded = {"x": (float(x.min()), float(x.max()))} if layer == "int8" else {}
    assert done.inputs == rounded


@pytest.mark.parametrize(
    ("low", "high", "calibrator", "words"),
    [
        (-1.0, 1.0, "minmax", "holds the extremes."),
        (-1.0, 1.0, "entropy", "or keep all that is seen by --calibrator minmax."),
        (-2.0, 3.0, "minmax", ""),
        (2.5, 3.0, "minmax", "calibrated on 0 to 3"),
    ],
)
def test_a_warning_says_what_keeps_the_extremes(
    low: float, high: float, calibrator: str, words: str
) -> None:
    given = {"x": np.linspace(-2, 3, 50, dtype=np.float32), "z": np.full(50, 9.0, np.float32)}
    found = outside_calibration({"x": (low, high)}, given, calibrator)
    assert [one.where for one in found] == (["x"] if words else [])
    assert all(words in one.message for one in found)
