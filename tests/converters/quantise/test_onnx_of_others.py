"""ONNX files that are made in other ways than by our exporters are quantised as well."""

from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml.errors import ConversionError
from edgeml_converters.formats import onnx_write
from edgeml_converters.quantise import quantise
from edgeml_converters.quantise.coverage import coverage
from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters.quantise.made import Array, Made, contents, request, samples
from tests.converters.quantise.onnx_answers import WAYS, snr


def test_big_weights_stay_outside_the_graph_on_both_sides(tmp_path: Path) -> None:
    weight = samples(1, 200, (300,)) * 0.1
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="layer")]
    before = _floats(tmp_path, nodes, {"w": weight}, (200,), (300,))
    for way in ("fp16", "int8-weights", "int8-dynamic", "int8 minmax"):
        place = tmp_path / way.replace(" ", "-")
        done = quantise(request(before.entry, place, way, tmp_path / "samples.npz"))
        assert sorted(contents(place)) == ["model.onnx", "weights.bin"]
        size = weight.size * (2 if way == "fp16" else 1)
        assert (place / "weights.bin").stat().st_size == size
        assert done.coverage == 100
        assert snr(place / done.entry, before) > 30
    assert sorted(contents(before.entry.parent)) == ["model.onnx", "weights.bin"]


def test_rows_of_an_embedding_become_float_one_by_one(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["ids"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "ids"], ["rows"], name="lookup"),
        helper.make_node("ReduceMean", ["rows"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Gather", ["table", "start"], ["row"], name="one"),
        helper.make_node("Unsqueeze", ["row", "first"], ["start_row"]),
        helper.make_node("Add", ["mean", "start_row"], ["y"]),
    ]
    numbers = {"start": np.array(1, np.int64), "first": np.array([0], np.int64)}
    weights = {"table": samples(2, 50, (16,)), **numbers}
    before = _floats(tmp_path, nodes, weights, (7,), (16,), words=50)
    for way in ("int8-weights", "int8-dynamic", "int8 minmax"):
        place = tmp_path / way.replace(" ", "-")
        done = quantise(request(before.entry, place, way, tmp_path / "samples.npz"))
        graph = onnx.load(place / done.entry).graph
        kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
        makers = {name: node for node in graph.node for name in node.output}
        table = next(node.input[0] for node in graph.node if node.op_type == "Gather")
        if way == "int8 minmax":  # DequantizeLinear, which ONNX Runtime moves behind the lookup
            table = makers[table].input[0]
        assert kinds[table] in (TensorProto.INT8, TensorProto.UINT8)
        assert done.coverage == 100 and snr(place / done.entry, before) > 34


def test_weights_that_a_loop_carries_are_found_and_quantised(tmp_path: Path) -> None:
    """As tf2onnx writes Keras' GRU: an int8 file would hold hardly any int8, and say nothing."""
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["state", "w_in"], ["product"], name="turn"),
            helper.make_node("Tanh", ["product"], ["after"]),
            helper.make_node("Identity", ["w_in"], ["w_out"]),
            helper.make_node("Identity", ["go"], ["on"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("turn_number", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w_in", TensorProto.FLOAT, [16, 16]),
            helper.make_tensor_value_info("state", TensorProto.FLOAT, ["batch", 16]),
        ],
        [
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("w_out", TensorProto.FLOAT, [16, 16]),
            helper.make_tensor_value_info("after", TensorProto.FLOAT, ["batch", 16]),
        ],
    )
    nodes = [
        helper.make_node("Loop", ["turns", "", "w", "x"], ["left", "last"], name="loop", body=body),
        helper.make_node("MatMul", ["last", "left"], ["y"], name="dense"),
    ]
    weights = {"w": samples(3, 16, (16,)) * 0.3, "turns": np.array(4, np.int64)}
    before = _floats(tmp_path, nodes, weights, (16,), (16,))
    assert coverage("onnx", before.entry) == 0
    for way in ("fp16", "int8-weights", "int8-dynamic", "int8 minmax"):
        place = tmp_path / way.replace(" ", "-")
        done = quantise(request(before.entry, place, way, tmp_path / "samples.npz"))
        onnx.checker.check_model(str(place / done.entry))
        assert done.coverage == coverage("onnx", place / done.entry) == 100
        assert snr(place / done.entry, before) > 28
        graph = onnx.load(place / done.entry).graph
        assert not any(tensor.data_type == TensorProto.FLOAT for tensor in _large(graph))
        (loop,) = (node for node in graph.node if node.op_type == "Loop")
        assert len(loop.output) == 1


def _large(graph: onnx.GraphProto) -> list[onnx.TensorProto]:
    return [tensor for tensor in graph.initializer if prod(tensor.dims) >= 256]


@pytest.mark.parametrize("batch", ["batch", 1])
def test_an_old_opset_without_names_with_weights_in_nodes_is_quantised(
    tmp_path: Path, batch: str | int
) -> None:
    weight = numpy_helper.from_array(samples(4, 24, (12,)) * 0.3)
    nodes = [
        helper.make_node("Constant", [], ["w"], value=weight),
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Elu", ["h"], ["y"]),
    ]
    before = _floats(tmp_path, nodes, {}, (24,), (12,), opset=11, batch=batch)
    for way in WAYS:
        place = tmp_path / way.replace(" ", "-")
        done = quantise(request(before.entry, place, way, tmp_path / "samples.npz"))
        assert OnnxEngine(place / done.entry).signature == OnnxEngine(before.entry).signature
        assert done.coverage == 100 and snr(place / done.entry, before) > 24
        kept = request(before.entry, place, way, tmp_path / "samples.npz", keep_float=("h",))
        with pytest.raises(ConversionError, match="no weights of a layer in float32 that can be"):
            quantise(kept)


def _floats(
    folder: Path,
    nodes: list[onnx.NodeProto],
    weights: Mapping[str, Array],
    inside: tuple[int, ...],
    outside: tuple[int, ...],
    *,
    words: int = 0,
    opset: int = 17,
    batch: str | int = "batch",
) -> Made:
    """A float file with x of shape `inside` a sample and y of `outside`, and 64 samples for it.

    words: where x holds numbers of rows instead of normal numbers, how many there are.
    """
    (folder / "float").mkdir()
    graph = helper.make_graph(
        nodes,
        "float",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *inside])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, *outside])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    version = helper.make_opsetid("", opset)
    model = helper.make_model(graph, opset_imports=[version], ir_version=8)
    onnx_write.write(model, folder / "float")
    entry = folder / "float" / onnx_write.ENTRY

    def given(seed: int) -> Array:
        if words:
            rng = np.random.default_rng(seed)
            return rng.integers(0, words, (64, *inside)).astype(np.float32)
        return samples(seed, 64, inside)

    np.savez(folder / "samples.npz", x=given(5))
    y = OnnxEngine(entry).run({"x": given(6)})["y"].astype(np.float64)
    return Made(entry, given(6), y, {})
