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
from edgeml_converters.quantise.found import precision_of
from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters.plain_figures import snr_db
from tests.converters.quantise.made import Array, Made, contents, request, samples
from tests.converters.quantise.onnx_answers import WAYS, answer, snr


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


@pytest.mark.parametrize("way", ["int8-weights", "int8-dynamic", "int8 minmax"])
def test_several_matrices_of_weights_at_once_run_at_every_level(tmp_path: Path, way: str) -> None:
    """With a scale for each channel ONNX Runtime refused them when it ran an optimised file."""
    nodes = [
        helper.make_node("MatMul", ["x", "several"], ["a"], name="several"),
        helper.make_node("MatMul", ["a", "one"], ["b"], name="one"),
        helper.make_node("ReduceMean", ["b"], ["y"], axes=[1, 2], keepdims=0),
    ]
    weights = {"several": samples(1, 2, (8, 5)), "one": samples(2, 1, (5, 4))}
    before = _floats(tmp_path, nodes, weights, (2, 3, 8), (4,))
    done = quantise(request(before.entry, tmp_path, way, tmp_path / "samples.npz"))
    assert done.coverage == 100
    for level in OnnxEngine.optimisations:
        engine = OnnxEngine(tmp_path / done.entry, optimisation=level)
        found = snr_db(engine.run({"x": before.x})["y"].astype(np.float64), before.y)
        assert found is not None and found > 25


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
        with pytest.raises(ConversionError, match="no weights of a layer that can be"):
            quantise(kept)


@pytest.mark.parametrize("activation", ["Relu", "Clip"])
def test_an_activation_that_the_rounding_stands_for_is_not_lost(
    tmp_path: Path, activation: str
) -> None:
    """ONNX Runtime takes it out, so that the rounding must stay, even at the end."""
    ends = {"Relu": [], "Clip": ["low", "high"]}[activation]
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node(activation, ["h", *ends], ["y"]),
    ]
    weights = {"w": samples(1, 8, (16,)), "b": samples(2, 1, (16,))[0]}
    limits = {end: np.array(n * 6, np.float32) for n, end in enumerate(ends)}
    before = _floats(tmp_path, nodes, {**weights, **limits}, (8,), (16,))
    done = quantise(
        request(before.entry, tmp_path / "int8", "int8 minmax", tmp_path / "samples.npz")
    )
    y = answer(tmp_path / "int8" / done.entry, before.x)
    assert y.min() == 0 < (y == 0).mean()
    assert snr(tmp_path / "int8" / done.entry, before) > 20


def test_a_softmax_of_many_values_stays_float(tmp_path: Path) -> None:
    """In int8, in steps of 1/256, all 400 were zero."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"]),
        helper.make_node("Softmax", ["h"], ["y"], axis=1),
    ]
    before = _floats(tmp_path, nodes, {"w": samples(1, 16, (400,)) * 0.1}, (16,), (400,))
    place = tmp_path / "int8"
    done = quantise(request(before.entry, place, "int8 minmax", tmp_path / "samples.npz"))
    assert done.coverage == 100 and snr(place / done.entry, before) > 30


def test_weights_that_are_inputs_besides_are_quantised(tmp_path: Path) -> None:
    """As all were before IR version 4, here of an opset without scales a channel."""
    nodes = [
        helper.make_node("Gemm", ["x", "w", "b"], ["h"]),
        helper.make_node("Elu", ["h"], ["y"]),
    ]
    weights = {"w": samples(1, 8, (16,)), "b": samples(2, 1, (16,))[0]}
    before = _floats(tmp_path, nodes, weights, (8,), (16,), opset=9)
    model = onnx.load(before.entry)
    model.ir_version = 3
    for name, value in weights.items():
        kind = helper.make_tensor_value_info(name, TensorProto.FLOAT, value.shape)
        model.graph.input.append(kind)
    onnx.save(model, before.entry)
    for way in WAYS:
        place = tmp_path / way.replace(" ", "-")
        done = quantise(request(before.entry, place, way, tmp_path / "samples.npz"))
        assert [spec.name for spec in OnnxEngine(place / done.entry).signature.inputs] == ["x"]
        assert done.coverage == 100 and snr(place / done.entry, before) > 18


@pytest.mark.parametrize("kind", ["float16", "float64"])
def test_other_floats_become_int8_by_way_of_float32(tmp_path: Path, kind: str) -> None:
    """ONNX Runtime leaves them as they are, or makes a file that it refuses itself."""
    dtype = np.dtype(kind)
    two = numpy_helper.from_array(np.array(2, dtype))
    own = helper.np_dtype_to_tensor_dtype(dtype)
    nodes = [
        helper.make_node("Constant", [], ["two"], value=two),
        helper.make_node("Mul", ["x", "two"], ["twice"]),
        helper.make_node("Gemm", ["twice", "w", "b"], ["h"], name="layer"),
        helper.make_node("Cast", ["h"], ["again"], to=own),
        helper.make_node("Tanh", ["again"], ["y"]),
        helper.make_node("Gemm", ["y", "v"], ["z"]),
    ]
    given = {"w": samples(1, 8, (16,)), "b": samples(2, 1, (16,))[0], "v": samples(3, 16, (4,))}
    graph = helper.make_graph(
        nodes,
        "other",
        [_value("x", own, 8)],
        [_value("y", own, 16), _value("z", own, 4)],
        [numpy_helper.from_array(value.astype(dtype), name) for name, value in given.items()],
    )
    entry = tmp_path / "other.onnx"
    version = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, opset_imports=[version], ir_version=8), entry)
    np.savez(tmp_path / "samples.npz", x=samples(5, 64, (8,)).astype(dtype))
    x = samples(6, 64, (8,)).astype(dtype)
    before = OnnxEngine(entry).run({"x": x})
    for way in ("int8-weights", "int8-dynamic", "int8 minmax"):
        place = tmp_path / way.replace(" ", "-")
        done = quantise(request(entry, place, way, tmp_path / "samples.npz"))
        engine = OnnxEngine(place / done.entry)
        assert engine.signature == OnnxEngine(entry).signature
        constants = onnx.load(place / done.entry).graph.initializer
        kinds = {tensor.data_type for tensor in constants if len(tensor.dims) > 1}
        assert kinds <= {TensorProto.INT8, TensorProto.UINT8}
        for name, value in engine.run({"x": x}).items():
            found = snr_db(value.astype(np.float64), before[name].astype(np.float64))
            assert found is not None and found > 25
        assert done.coverage == 100


def test_float16_with_some_float32_is_float16_and_becomes_int8(tmp_path: Path) -> None:
    """It was taken for a file of somebody else's int8 weights; a layer in float16 beside others in
    float32 stopped ONNX Runtime's tool."""
    half, single = TensorProto.FLOAT16, TensorProto.FLOAT
    for sizes, kind in (((32, 4), "fp16"), ((4, 32), "fp32")):
        inside, outside = sizes
        nodes = [
            helper.make_node("Cast", ["x"], ["narrow"], to=half),
            helper.make_node("MatMul", ["narrow", "w"], ["h"], name="narrow_layer"),
            helper.make_node("Cast", ["h"], ["wide"], to=single),
            helper.make_node("MatMul", ["wide", "v"], ["y"], name="wide_layer"),
        ]
        weights = [
            numpy_helper.from_array(samples(1, inside, (16,)).astype(np.float16), "w"),
            numpy_helper.from_array(samples(2, 16, (outside,)), "v"),
        ]
        graph = helper.make_graph(
            nodes, "mixed", [_value("x", single, inside)], [_value("y", single, outside)], weights
        )
        entry, place = tmp_path / f"{kind}.onnx", tmp_path / kind
        version = helper.make_opsetid("", 17)
        onnx.save(helper.make_model(graph, opset_imports=[version], ir_version=8), entry)
        assert precision_of("onnx", entry) == kind
        np.savez(tmp_path / "samples.npz", x=samples(5, 64, (inside,)))
        quantise(request(entry, place, "int8-dynamic", tmp_path / "samples.npz"))
        x = samples(6, 64, (inside,))
        before = OnnxEngine(entry).run({"x": x})["y"].astype(np.float64)
        after = OnnxEngine(place / "model.onnx").run({"x": x})["y"].astype(np.float64)
        found = snr_db(after, before)
        assert found is not None and found > 25


def _value(name: str, kind: int, size: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, ["batch", size])


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
