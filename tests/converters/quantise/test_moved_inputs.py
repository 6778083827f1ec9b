"""What is only moved from an input to an answer is not rounded in static int8."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper

from edgeml_converters.formats.tflite_edit import read
from edgeml_converters.quantise import quantise
from edgeml_converters.quantise.tflite.recipe import moves_of_inputs
from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters.quantise.made import quantise_in_process, request, samples
from tests.converters.quantise.tflite_answers import ENGINES
from tests.converters.tflite_files import Graph, Op, Tensor, content


def test_in_onnx(tmp_path: Path) -> None:
    """And what a layer takes besides is."""
    nodes = [
        helper.make_node("Transpose", ["x"], ["turned"], "turn", perm=[0, 2, 1]),
        helper.make_node("Shape", ["x"], ["batch"], "shape", start=0, end=1),
        helper.make_node("Concat", ["batch", "six"], ["flat_by_batch"], "joined", axis=0),
        helper.make_node("Reshape", ["turned", "flat_by_batch"], ["moved"], "reshape"),
        helper.make_node("Reshape", ["x", "flat"], ["row"], "used"),
        helper.make_node("MatMul", ["row", "w"], ["y"], "layer"),
        helper.make_node("Add", ["x", "x"], ["twice"], "rounds"),
    ]
    graph = helper.make_graph(
        nodes,
        "moved",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", 2, 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 6])
            for name in ("moved", "row", "y")
        ]
        + [helper.make_tensor_value_info("twice", TensorProto.FLOAT, ["batch", 2, 3])],
        [
            numpy_helper.from_array(samples(1, 6, (6,)), "w"),
            numpy_helper.from_array(np.array([-1, 6]), "flat"),
            numpy_helper.from_array(np.array([6]), "six"),
        ],
    )
    entry = tmp_path / "float.onnx"
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), entry)
    x = samples(2, 32, (2, 3))
    np.savez(tmp_path / "x.npz", x=x)
    done = quantise(request(entry, tmp_path / "int8", "int8 minmax", tmp_path / "x.npz"))
    found = OnnxEngine(tmp_path / "int8" / done.entry).run({"x": x})
    assert done.coverage == 100
    assert np.array_equal(found["moved"], x.transpose(0, 2, 1).reshape(-1, 6))
    assert 0 < np.abs(found["row"] - x.reshape(-1, 6)).max() < 0.03


@pytest.mark.tensorflow
@pytest.mark.torch
def test_rows_of_a_table_are_no_moved_input() -> None:
    gather = (schema.BuiltinOptions.GatherOptions, schema.GatherOptionsT())
    tensors = [
        Tensor("tokens", (1, 3), schema.TensorType.INT32),
        Tensor("table", values=samples(1, 6, (4,))),
        Tensor("rows", (1, 3, 4)),
    ]
    taken = Op("GATHER", (1, 0), (2,), options=gather)
    assert moves_of_inputs(read(content(Graph(tensors, [taken], outputs=(2,))))) == []


@pytest.mark.tensorflow
@pytest.mark.torch
def test_in_tflite(tmp_path: Path) -> None:
    full = (schema.BuiltinOptions.FullyConnectedOptions, schema.FullyConnectedOptionsT())
    turned = schema.ReshapeOptionsT()
    turned.newShape = [1, 2, 3]
    reshape = Op("RESHAPE", (0, 4), (1,), options=(schema.BuiltinOptions.ReshapeOptions, turned))
    tensors = [
        Tensor("x", (1, 6)),
        Tensor("moved", (1, 2, 3)),
        Tensor("w", values=samples(1, 6, (6,))),
        Tensor("y", (1, 6)),
        Tensor("shape", type=schema.TensorType.INT32, values=np.array([1, 2, 3], np.int32)),
    ]
    dense = Op("FULLY_CONNECTED", (0, 2, -1), (3,), options=full)
    entry = tmp_path / "float.tflite"
    entry.write_bytes(content(Graph(tensors, [reshape, dense], outputs=(1, 3))))
    assert moves_of_inputs(read(entry.read_bytes())) == ["moved"]
    x = samples(2, 32, (6,))
    np.savez(tmp_path / "x.npz", x=x)
    asked = request(entry, tmp_path / "int8", "int8 minmax", tmp_path / "x.npz")
    (done,) = quantise_in_process([asked])
    assert done.coverage == 100
    for engine in ENGINES:
        found = engine(Path(asked.folder) / done.entry).run({"x": x})
        assert np.array_equal(found["moved"], x.reshape(-1, 2, 3))
