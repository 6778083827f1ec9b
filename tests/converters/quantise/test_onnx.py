"""Every precision of ONNX on a convolutional, recurrent, transformer and ELU model."""

from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgeml.errors import InputError
from edgeml_converters.quantise import quantise
from edgeml_converters.quantise.calibrators import CALIBRATORS
from edgeml_converters.quantise.coverage import coverage
from edgeml_converters.steps.messages import Quantise
from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters.plain_figures import snr_db
from tests.converters.quantise import float_onnx
from tests.converters.quantise.float_onnx import SHAPES, write_onnx
from tests.converters.quantise.made import (
    Array,
    Made,
    contents,
    quantise_all,
    quantise_in_process,
    request,
    samples,
)
from tests.converters.quantise.onnx_answers import FLOORS, WAYS, answer, snr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Made]:
    folder = tmp_path_factory.mktemp("onnx")
    entries = {name: write_onnx(name, folder / f"{name}.onnx") for name in SHAPES}

    def draw(name: str, seed: int) -> Array:
        return samples(seed, 64, SHAPES[name])

    return quantise_all(folder, entries, WAYS, draw, answer, seed=101)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SHAPES)
def test_it_says_nearly_the_same_with_all_weights_quantised(
    made: Mapping[str, Made], name: str, way: str
) -> None:
    model = made[name]
    file, done = model.ways[way]
    assert OnnxEngine(file).signature == OnnxEngine(model.entry).signature
    assert snr(file, model) > FLOORS[way]
    assert done.coverage == coverage("onnx", file) == 100
    onnx.checker.check_model(str(file))


def test_the_float_file_has_no_coverage(made: Mapping[str, Made]) -> None:
    assert coverage("onnx", made["cnn"].entry) == 0


def test_every_calibrator_is_tried() -> None:
    assert {way.partition(" ")[2] for way in WAYS} - {""} == set(CALIBRATORS["onnx"])
    assert float_onnx.ONNX.keys() == SHAPES.keys()


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
        # The other weights, by their shapes in float_onnx.
        others = 16 * 9 + 32 * 16 + 32 * 16 * 4 + 5 * 16
        assert done.coverage == pytest.approx(100 * others / (others + prod(weight.dims)))


@pytest.mark.parametrize("way", ["int8-weights", "int8-dynamic", "int8 minmax"])
def test_one_scale_a_tensor_is_less_precise_than_one_a_channel(
    made: Mapping[str, Made], way: str, tmp_path: Path
) -> None:
    model = made["cnn"]
    asked = request(model.entry, tmp_path, way, model.entry.with_suffix(".npz"), per_channel=False)
    file = tmp_path / quantise(asked).entry
    assert snr(file, model) < snr(model.ways[way][0], model)
    scales = [t for t in onnx.load(file).graph.initializer if t.name.endswith("_scale")]
    assert scales and all(prod(scale.dims) == 1 for scale in scales)


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
        assert contents(before) == contents(Path(asked.folder))
        assert b"/tmp" not in b"".join(contents(before).values())
    assert len(list((tmp_path / "other").iterdir())) == len(made)


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


def test_an_input_that_is_given_out_too_is_not_rounded(
    made: Mapping[str, Made], tmp_path: Path
) -> None:
    entry = tmp_path / "both.onnx"
    model = onnx.load(made["elu"].entry)
    model.graph.node.append(onnx.helper.make_node("Identity", ["x"], ["same"], "hand_on"))
    shape = [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    same = onnx.helper.make_tensor_value_info("same", onnx.TensorProto.FLOAT, shape)
    model.graph.output.append(same)
    onnx.save(model, entry)
    done = quantise(
        request(entry, tmp_path / "out", "int8 minmax", made["elu"].entry.with_suffix(".npz"))
    )
    answers = OnnxEngine(tmp_path / "out" / done.entry).run({"x": made["elu"].x})
    assert np.array_equal(answers["same"], made["elu"].x)
    assert coverage("onnx", tmp_path / "out" / done.entry) == 100


def test_weights_that_nodes_cut_and_join_are_weights(tmp_path: Path) -> None:
    """The exporter does so to the gates of a large LSTM, and folds only what is small."""
    rng = np.random.default_rng(0)
    gates = rng.normal(0, 0.2, (8, 12)).astype(np.float32)
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Slice", ["gates", "zero", "four", "zero"], ["first"], "first"),
            onnx.helper.make_node(
                "Slice", ["gates", "four", "eight", "zero"], ["second"], "second"
            ),
            onnx.helper.make_node("Concat", ["second", "first"], ["joined"], "joined", axis=0),
            onnx.helper.make_node("Transpose", ["joined"], ["turned"], "turned", perm=[1, 0]),
            onnx.helper.make_node("MatMul", ["x", "turned"], ["y"], "layer"),
        ],
        "gates",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["batch", 12])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["batch", 8])],
        [
            numpy_helper.from_array(gates, "gates"),
            *(
                numpy_helper.from_array(np.array([n], np.int64), name)
                for n, name in ((0, "zero"), (4, "four"), (8, "eight"))
            ),
        ],
    )
    entry = tmp_path / "float.onnx"
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), entry)
    x = samples(5, 64, (12,))
    np.savez(tmp_path / "x.npz", x=x)
    before = OnnxEngine(entry).run({"x": x})["y"]
    for place, way in enumerate(("int8-weights", "int8-dynamic", "int8 minmax")):
        done = quantise(request(entry, tmp_path / str(place), way, tmp_path / "x.npz"))
        file = tmp_path / str(place) / done.entry
        stored = onnx.load(file).graph.initializer
        assert done.coverage == 100 and gates.size in [
            prod(tensor.dims) for tensor in stored if tensor.data_type == onnx.TensorProto.INT8
        ]
        noise = snr_db(OnnxEngine(file).run({"x": x})["y"], before)
        assert noise is not None and noise > 30
