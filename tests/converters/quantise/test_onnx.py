"""Every precision of ONNX on a convolutional, recurrent, transformer and ELU model."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml.errors import ConversionError, InputError
from edgeml.parity import snr_db
from edgeml_converters.formats import onnx_write
from edgeml_converters.quantise import quantise
from edgeml_converters.quantise.calibrators import CALIBRATORS
from edgeml_converters.quantise.coverage import coverage
from edgeml_converters.steps.messages import Quantise, Quantised
from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters import float_models
from tests.converters.float_models import (
    SHAPES,
    quantise_in_process,
    request,
    samples,
    write_onnx,
)

Array = npt.NDArray[Any]
# dB over 64 samples that calibration did not see; measured is at least 2 dB more.
FLOORS: Mapping[str, float] = {
    "fp16": 62,
    "int8-weights": 36,
    "int8-dynamic": 32,
    "int8 minmax": 24,
    "int8 percentile": 24,
    "int8 error": 24,
    "int8 entropy": 18,
}
WAYS = tuple(FLOORS)


@dataclass(frozen=True)
class Made:
    """A float model, its answers to `x`, and what each way made of it."""

    entry: Path
    x: Array
    y: Array
    ways: Mapping[str, tuple[Path, Quantised]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Made]:
    folder = tmp_path_factory.mktemp("onnx")
    requests: list[Quantise] = []
    for name, shape in SHAPES.items():
        entry = write_onnx(name, folder / f"{name}.onnx")
        np.savez(folder / f"{name}.npz", x=samples(101, 64, shape))
        for way in WAYS:
            place = folder / name / way.replace(" ", "-")
            requests.append(request(entry, place, way, folder / f"{name}.npz"))
    answers = iter(zip(requests, quantise_in_process(requests), strict=True))
    result: dict[str, Made] = {}
    for name, shape in SHAPES.items():
        entry, x = folder / f"{name}.onnx", samples(102, 64, shape)
        ways: dict[str, tuple[Path, Quantised]] = {}
        for way in WAYS:
            asked, done = next(answers)
            ways[way] = Path(asked.folder) / done.entry, done
        y = OnnxEngine(entry).run({"x": x})["y"].astype(np.float64)
        result[name] = Made(entry, x, y, ways)
    return result


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SHAPES)
def test_it_says_nearly_the_same_with_all_weights_quantised(
    made: Mapping[str, Made], name: str, way: str
) -> None:
    model = made[name]
    file, done = model.ways[way]
    assert OnnxEngine(file).signature == OnnxEngine(model.entry).signature
    assert _snr(file, model) > FLOORS[way]
    assert done.coverage == coverage("onnx", file) == 100
    onnx.checker.check_model(str(file))


def test_the_float_file_has_no_coverage(made: Mapping[str, Made]) -> None:
    assert coverage("onnx", made["cnn"].entry) == 0


def test_every_calibrator_is_tried() -> None:
    assert {way.partition(" ")[2] for way in WAYS} - {""} == set(CALIBRATORS["onnx"])
    assert float_models.ONNX.keys() == SHAPES.keys()


@pytest.mark.parametrize("way", WAYS)
def test_a_node_that_is_kept_in_float_is_as_it_was(
    made: Mapping[str, Made], way: str, tmp_path: Path
) -> None:
    """keep_float takes the name of the node and that of what it makes."""
    entry = made["cnn"].entry
    before = {t.name: t for t in onnx.load(entry).graph.initializer}
    for number, kept in enumerate(("Conv_0", "Conv_0_out")):
        place = tmp_path / str(number)
        asked = request(entry, place, way, entry.with_suffix(".npz"), keep_float=(kept,))
        done = quantise(asked)
        graph = onnx.load(place / done.entry).graph
        weight = before["constant_0"]
        (after,) = (tensor for tensor in graph.initializer if tensor.name == weight.name)
        assert np.array_equal(numpy_helper.to_array(after), numpy_helper.to_array(weight))
        # The other weights, by their shapes in float_models.
        others = 16 * 9 + 32 * 16 + 32 * 16 * 4 + 5 * 16
        assert done.coverage == pytest.approx(100 * others / (others + prod(weight.dims)))


@pytest.mark.parametrize("way", ["int8-weights", "int8-dynamic", "int8 minmax"])
def test_one_scale_a_tensor_is_less_precise_than_one_a_channel(
    made: Mapping[str, Made], way: str, tmp_path: Path
) -> None:
    model = made["cnn"]
    asked = request(model.entry, tmp_path, way, model.entry.with_suffix(".npz"), per_channel=False)
    file = tmp_path / quantise(asked).entry
    assert _snr(file, model) < _snr(model.ways[way][0], model)
    scales = [t for t in onnx.load(file).graph.initializer if t.name.endswith("_scale")]
    assert scales and all(prod(scale.dims) == 1 for scale in scales)


def _snr(file: Path, model: Made) -> float:
    found = OnnxEngine(file).run({"x": model.x})["y"].astype(np.float64)
    assert found.shape == model.y.shape
    snr = snr_db(found, model.y)
    assert snr is not None
    return snr


def test_the_ranges_are_those_of_the_samples(made: Mapping[str, Made]) -> None:
    ranges = made["elu"].ways["int8 minmax"][1].ranges
    x = np.load(made["elu"].entry.with_suffix(".npz"))["x"]
    assert ranges["x"] == pytest.approx((x.min(), x.max()))
    assert all(ranges[f"Elu_{n}_out"][0] > -1 for n in (1, 3, 5))
    for way in ("int8 percentile", "int8 error", "int8 entropy"):
        other = made["elu"].ways[way][1].ranges
        assert other.keys() == ranges.keys() and other != ranges


def test_two_processes_write_the_same_bytes_and_leave_the_float_file_alone(
    made: Mapping[str, Made], tmp_path: Path
) -> None:
    requests: list[Quantise] = []
    for name, model in made.items():
        entry = tmp_path / "other" / f"{name}.onnx"
        entry.parent.mkdir(exist_ok=True)
        entry.write_bytes(model.entry.read_bytes())
        for way in WAYS:
            place = tmp_path / name / way.replace(" ", "-")
            requests.append(request(entry, place, way, model.entry.with_suffix(".npz")))
    quantise_in_process(requests, hash_seed=7)
    for asked in requests:
        before = made[Path(asked.entry).stem].entry.parent / Path(asked.folder).relative_to(
            tmp_path
        )
        assert _contents(before) == _contents(Path(asked.folder))
        assert b"/tmp" not in b"".join(_contents(before).values())
    assert len(list((tmp_path / "other").iterdir())) == len(made)


def _contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


# Files that are made in other ways than by our exporters.


def test_big_weights_stay_outside_the_graph_on_both_sides(tmp_path: Path) -> None:
    weight = samples(1, 200, (300,)) * 0.1
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="layer")]
    before = _floats(tmp_path, nodes, {"w": weight}, (200,), (300,))
    for way in ("fp16", "int8-weights", "int8-dynamic", "int8 minmax"):
        place = tmp_path / way.replace(" ", "-")
        done = quantise(request(before.entry, place, way, tmp_path / "samples.npz"))
        assert sorted(_contents(place)) == ["model.onnx", "weights.bin"]
        size = weight.size * (2 if way == "fp16" else 1)
        assert (place / "weights.bin").stat().st_size == size
        assert done.coverage == 100
        assert _snr(place / done.entry, before) > 30
    assert sorted(_contents(before.entry.parent)) == ["model.onnx", "weights.bin"]


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
        assert done.coverage == 100 and _snr(place / done.entry, before) > 34


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
        assert _snr(place / done.entry, before) > 28
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
        assert done.coverage == 100 and _snr(place / done.entry, before) > 24
        kept = request(before.entry, place, way, tmp_path / "samples.npz", keep_float=("h",))
        with pytest.raises(ConversionError, match="no weights of a layer that can be quantised"):
            quantise(kept)


def test_an_activation_that_only_float_ops_take_is_not_rounded(made: Mapping[str, Made]) -> None:
    """Nor is it cut off where it goes beyond the range of the samples."""
    graph = onnx.load(made["elu"].ways["int8 minmax"][0]).graph
    makers = {name: node.op_type for node in graph.node for name in node.output}
    takers = [node for node in graph.node if node.op_type in ("Elu", "Identity")]
    assert [makers[node.input[0]] for node in takers] == ["Gemm"] * 4
    rounded = {node.input[0] for node in graph.node if node.op_type == "QuantizeLinear"}
    assert rounded == {"x", "Elu_1_out", "Elu_3_out", "Elu_5_out"}


def test_a_request_that_makes_no_sense_is_one_sentence(
    made: Mapping[str, Made], tmp_path: Path
) -> None:
    entry, data = made["elu"].entry, made["elu"].entry.with_suffix(".npz")
    for way, options, message in (
        ("fp32", {}, "fp32 is the precision of the float file itself"),
        ("int8", {}, "There is no calibrator None for onnx; use one of minmax, percentile"),
        ("int8 best", {}, "There is no calibrator 'best' for onnx"),
        ("int8 minmax", {"calibration": None}, "int8 needs samples to calibrate on"),
    ):
        with pytest.raises(InputError, match=message):
            quantise(request(entry, tmp_path / "never", way, data, **options))
    assert not (tmp_path / "never").exists()


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
