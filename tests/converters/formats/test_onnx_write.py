import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml.archive import PAGE_BYTES
from edgeml.errors import ConversionError
from edgeml_converters.formats import onnx_write
from edgeml_converters.formats.batch import frozen_batch
from edgeml_converters.routes.onnx_rewrites import number_addresses, rewrite_erfc


def _model(batch: int | str, leak: str = "/home/someone/net.py:12") -> onnx.ModelProto:
    rng = np.random.default_rng(0)
    weights = {
        "w1": rng.normal(size=(8, 1001)).astype(np.float32),
        "w2": rng.normal(size=(1001, 999)).astype(np.float32),
        "bias": rng.normal(size=(999,)).astype(np.float32),
    }
    node = helper.make_node("MatMul", ["x", "w1"], ["a"], doc_string=leak)
    node.metadata_props.add(key="pkg.torch.onnx.stack_trace", value=leak)
    graph = helper.make_graph(
        [
            node,
            helper.make_node("MatMul", ["a", "w2"], ["b"]),
            helper.make_node("Add", ["b", "bias"], ["y"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, 999])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _answer(session: onnxruntime.InferenceSession, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(session.run(None, {"x": x})[0])


def test_big_weights_begin_on_pages_and_the_answers_stay(tmp_path: Path) -> None:
    x = np.ones((3, 8), np.float32)
    before = onnxruntime.InferenceSession(_model("unk__31").SerializeToString())
    onnx_write.write(_model("unk__31"), tmp_path)
    assert frozen_batch("onnx", tmp_path / "model.onnx") is None
    after = onnxruntime.InferenceSession(str(tmp_path / onnx_write.ENTRY))
    assert np.array_equal(_answer(after, x), _answer(before, x))
    graph = onnx.load(tmp_path / "model.onnx", load_external_data=False).graph
    places = {
        tensor.name: {entry.key: entry.value for entry in tensor.external_data}
        for tensor in graph.initializer
    }
    assert places["bias"] == {}
    assert all(int(places[name]["offset"]) % PAGE_BYTES == 0 for name in ("w1", "w2"))
    assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


def test_what_leaks_the_making_is_gone_so_that_bytes_are_the_same(tmp_path: Path) -> None:
    found: list[str] = []
    for leak, symbol in (("/home/someone/net.py:12", "s3"), ("/tmp/other/net.py:99", "s77")):
        folder = tmp_path / symbol
        folder.mkdir()
        onnx_write.write(_model(symbol, leak), folder)
        data = (folder / "model.onnx").read_bytes() + (folder / "weights.bin").read_bytes()
        assert leak.encode() not in data
        found.append(hashlib.sha256(data).hexdigest())
    assert found[0] == found[1]


def test_a_batch_frozen_to_the_example_is_refused_and_one_of_1_is_said(tmp_path: Path) -> None:
    onnx_write.write(_model(1), tmp_path)
    assert frozen_batch("onnx", tmp_path / "model.onnx") == 1
    with pytest.raises(ConversionError, match="froze the batch to 2"):
        onnx_write.write(_model(2), tmp_path)


def test_erfc_becomes_ops_of_onnx() -> None:
    graph = helper.make_graph(
        [
            helper.make_node("Erfc", ["x"], ["e"], name="gelu"),
            helper.make_node("Neg", ["e"], ["y"]),
        ],
        "gelu",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch"])],
    )
    rewrite_erfc(graph)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = _answer(session, np.array([0, 0.5], np.float32))
    assert np.allclose(found, [-1, -0.4795001], atol=1e-6)


def _einsum(first: int, second: int) -> onnx.GraphProto:
    """As tf2onnx leaves it, by the addresses of two objects in the process that converted it."""
    value = helper.make_tensor_value_info
    names = [f"einsum{first}_id_axes__51", f"einsum{second}_ba_axes__52"]
    constants = [numpy_helper.from_array(np.array([n]), name) for n, name in enumerate(names)]
    return helper.make_graph(
        [
            helper.make_node("Unsqueeze", ["x", names[1]], ["a"], name=f"OPTunsqueeze_0_{second}"),
            helper.make_node("Squeeze", ["a", names[0]], ["y"], name="layer_123456789012"),
        ],
        "einsum",
        [value("x", TensorProto.FLOAT, ["batch"])],
        [value("y", TensorProto.FLOAT, None)],
        constants if first < second else constants[::-1],
    )


def test_addresses_in_names_become_numbers_and_other_names_stay() -> None:
    one = _einsum(140456127389840, 139994679985104)
    other = _einsum(139994679949328, 140456127396880)
    for graph in (one, other):
        number_addresses(graph)
    assert one == other
    assert [node.name for node in one.node] == ["OPTunsqueeze_0_0", "layer_123456789012"]
    assert [tensor.name for tensor in one.initializer] == [
        "einsum0_ba_axes__52",
        "einsum1_id_axes__51",
    ]
