"""Inputs and outputs as integers: the file's own numbers, in steps of the scale that it names."""

from pathlib import Path
from typing import Any, get_args

import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from onnx import TensorProto, helper, numpy_helper

from edgeml.errors import ConversionError
from edgeml.quantisation import Quantisation
from edgeml_converters.asked import Io
from edgeml_converters.formats.edges import RealEngine
from edgeml_converters.formats.onnx_edges import edges
from edgeml_converters.quantise import quantise
from edgeml_converters.quantise.edges import of_int8
from edgeml_runtime.engines.base import Engine
from edgeml_runtime.engines.onnx import OnnxEngine
from edgeml_runtime.engines.tflite import LitertEngine
from tests.converters.quantise.made import Array, quantise_in_process, request, samples
from tests.converters.tflite_files import Graph, Op, Tensor, write

pytestmark = [pytest.mark.tensorflow, pytest.mark.torch]

WIDTH = 8
ENGINES: dict[str, type[Engine]] = {"onnx": OnnxEngine, "tflite": LitertEngine}
KINDS = {"input": "x", "outputs": ("state", "y", "energy")}


def _weights() -> list[Array]:
    return [samples(seed, WIDTH, (WIDTH,)) * np.float32(WIDTH**-0.5) for seed in (1, 2)]


def _onnx(path: Path) -> Path:
    """state = relu(x w0), which goes on inside; y = state w1; energy = exp(-|x|), in float."""
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["h"], name="h"),
        helper.make_node("Relu", ["h"], ["state"], name="state"),
        helper.make_node("MatMul", ["state", "w1"], ["y"], name="y"),
        helper.make_node("Abs", ["x"], ["a"], name="a"),
        helper.make_node("Neg", ["a"], ["n"], name="n"),
        helper.make_node("Exp", ["n"], ["energy"], name="energy"),
    ]
    weights = [numpy_helper.from_array(w.T.copy(), f"w{n}") for n, w in enumerate(_weights())]

    def value(name: str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", WIDTH])

    graph = helper.make_graph(nodes, "g", [value("x")], list(map(value, KINDS["outputs"])), weights)
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
    return path


def _tflite(path: Path) -> Path:
    options: Any = schema.FullyConnectedOptionsT()
    relu: Any = schema.FullyConnectedOptionsT()
    relu.fusedActivationFunction = schema.ActivationFunctionType.RELU
    kind = schema.BuiltinOptions.FullyConnectedOptions
    shape = (1, WIDTH)
    tensors = [Tensor("x", shape), *(Tensor(f"w{n}", values=w) for n, w in enumerate(_weights()))]
    tensors += [Tensor(name, shape) for name in ("state", "y", "a", "n", "energy")]
    ops = [
        Op("FULLY_CONNECTED", (0, 1, -1), (3,), options=(kind, relu)),
        Op("FULLY_CONNECTED", (3, 2, -1), (4,), options=(kind, options)),
        Op("ABS", (0,), (5,)),
        Op("NEG", (5,), (6,)),
        Op("EXP", (6,), (7,)),
    ]
    return write(path, Graph(tensors, ops, outputs=(3, 4, 7)))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, Io | None], Path]:
    """By format, and what inputs and outputs became."""
    folder = tmp_path_factory.mktemp("edges")
    np.savez(folder / "data.npz", x=samples(3, 96, (WIDTH,)))
    entries = (_onnx(folder / "model.onnx"), _tflite(folder / "model.tflite"))
    asked = {
        (entry.suffix[1:], io): request(
            entry, folder / f"{entry.suffix}-{io}", "int8 minmax", folder / "data.npz", io=io
        )
        for entry in entries
        for io in (None, *get_args(Io))
    }
    answers = quantise_in_process(list(asked.values()))
    return {
        key: Path(one.folder) / answer.entry
        for (key, one), answer in zip(asked.items(), answers, strict=True)
    }


@pytest.mark.parametrize("io", get_args(Io))
@pytest.mark.parametrize("form", ENGINES)
def test_integers_are_the_numbers_of_the_same_file_with_floats(
    made: dict[tuple[str, Io | None], Path], form: str, io: Io
) -> None:
    engine = ENGINES[form](made[form, io])
    opened = RealEngine(engine, made[form, io])
    (taken,) = opened.inputs
    assert taken.quantisation is not None
    steps = np.random.default_rng(5).integers(0, 256, (32, WIDTH))
    x = (steps + np.iinfo(io).min).astype(io)
    given = engine.run({"x": x})
    floats = ENGINES[form](made[form, None])
    expected = floats.run({"x": taken.quantisation.reals(x)})
    assert {one.name for one in opened.outputs} == set(KINDS["outputs"])
    for one in opened.outputs:
        assert one.dtype == given[one.name].dtype.name == io and one.quantisation is not None
        scale, zero_point = one.quantisation.scale, one.quantisation.zero_point
        real = (given[one.name].astype(np.float64) - zero_point) * scale
        inside = (given[one.name] > np.iinfo(io).min) & (given[one.name] < np.iinfo(io).max)
        far = np.abs(real - expected[one.name])[inside]
        assert far.max() <= 0.51 * scale and inside.mean() > 0.4
        assert np.allclose(opened.run({"x": taken.quantisation.reals(x)})[one.name], real)


def test_both_types_mean_the_same(made: dict[tuple[str, Io | None], Path]) -> None:
    for form, engine in ENGINES.items():
        signed, unsigned = (
            RealEngine(engine(made[form, io]), made[form, io]) for io in ("int8", "uint8")
        )
        for a, b in zip(
            signed.inputs + signed.outputs, unsigned.inputs + unsigned.outputs, strict=True
        ):
            assert a.quantisation and b.quantisation and a.name == b.name
            assert a.quantisation.scale == b.quantisation.scale
            assert a.quantisation.zero_point + 128 == b.quantisation.zero_point


def test_an_answer_without_a_range_is_named(tmp_path: Path) -> None:
    entry = _onnx(tmp_path / "model.onnx")
    model = onnx.load(entry)
    model.graph.node[5].op_type = "Reciprocal"  # infinite at 0
    onnx.save(model, entry)
    np.savez(tmp_path / "data.npz", x=np.zeros((8, WIDTH), np.float32))
    asked = request(entry, tmp_path / "out", "int8 minmax", tmp_path / "data.npz", io="int8")
    with pytest.raises(ConversionError, match="--io cannot make 'energy' integers"):
        quantise(asked)


def test_ranges_that_int8_has_no_scale_for_are_named() -> None:
    assert of_int8("y", {"y": (0.0, 0.0)}, answer=False) == Quantisation(scale=1.0, zero_point=-128)
    assert of_int8("y", {"y": (-1e-30, 1e-30)}, answer=False).scale == pytest.approx(2e-30 / 255)
    with pytest.raises(ConversionError, match="from -1e-39 to 1e-39 it has no scale"):
        of_int8("y", {"y": (-1e-39, 1e-39)}, answer=False)


def test_operators_that_take_integers_say_what_they_stand_for() -> None:
    """As ONNX Runtime's own quantiser writes them, with the scales among their inputs."""
    numbers = {"xs": 0.5, "ws": 0.1, "ys": 0.25}
    zeros = {"xz": 3, "wz": 0, "yz": -7}
    constants = [numpy_helper.from_array(np.array(v, np.float32), n) for n, v in numbers.items()]
    constants += [numpy_helper.from_array(np.array(v, np.int8), n) for n, v in zeros.items()]
    constants += [numpy_helper.from_array(np.ones((2, 1, 1, 1), np.int8), "w")]
    constants += [numpy_helper.from_array(np.zeros(2, np.int32), "b")]
    taken = ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"]
    nodes = [helper.make_node("QLinearConv", taken, ["y"])]
    values = [helper.make_tensor_value_info(n, TensorProto.INT8, None) for n in "xy"]
    graph = helper.make_graph(nodes, "g", values[:1], values[1:], constants)
    assert edges(graph) == {
        "x": Quantisation(scale=0.5, zero_point=3),
        "y": Quantisation(scale=0.25, zero_point=-7),
    }
