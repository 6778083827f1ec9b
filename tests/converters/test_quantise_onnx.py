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
from onnx import numpy_helper

from edgeml.parity import snr_db
from edgeml_converters.messages import Quantise, Quantised
from edgeml_converters.quantise import CALIBRATORS, quantise
from edgeml_converters.quantise.coverage import coverage
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
    steps = [node for node in onnx.load(file).graph.node if node.op_type == "DequantizeLinear"]
    scales = {t.name: t.dims for t in onnx.load(file).graph.initializer}
    assert all(prod(scales.get(step.input[1], [1])) == 1 for step in steps)


def _snr(file: Path, model: Made) -> float:
    found = snr_db(OnnxEngine(file).run({"x": model.x})["y"].astype(np.float64), model.y)
    assert found is not None
    return found


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
