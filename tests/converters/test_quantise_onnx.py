"""Every precision of ONNX on a convolutional, recurrent, transformer and ELU model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from edgeml.manifest import Precision
from edgeml.parity import snr_db
from edgeml_converters.messages import Quantise, Quantised
from edgeml_converters.quantise import CALIBRATORS
from edgeml_converters.quantise.coverage import coverage
from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters import float_models
from tests.converters.float_models import SHAPES, quantise_in_process, samples, write_onnx

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


def request(entry: Path, folder: Path, way: str, calibration: Path, **options: Any) -> Quantise:
    precision, _, calibrator = way.partition(" ")
    known: tuple[Precision, ...] = ("fp16", "int8", "int8-dynamic", "int8-weights")
    return Quantise(
        format="onnx",
        precision=known[known.index(precision)],  # type: ignore[arg-type]
        entry=str(entry),
        folder=str(folder),
        calibration=str(calibration),
        calibrator=calibrator or None,
        **options,
    )


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
        result[name] = Made(entry, x, OnnxEngine(entry).run({"x": x})["y"], ways)
    return result


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SHAPES)
def test_it_says_nearly_the_same_with_all_weights_quantised(
    made: Mapping[str, Made], name: str, way: str
) -> None:
    model = made[name]
    file, done = model.ways[way]
    before, engine = OnnxEngine(model.entry), OnnxEngine(file)
    assert engine.signature == before.signature
    found = engine.run({"x": model.x})["y"]
    snr = snr_db(found.astype(np.float64), model.y.astype(np.float64))
    assert snr is not None and snr > FLOORS[way]
    assert done.coverage == coverage("onnx", file) == 100
    onnx.checker.check_model(str(file))


def test_the_float_file_has_no_coverage(made: Mapping[str, Made]) -> None:
    assert coverage("onnx", made["cnn"].entry) == 0


def test_every_calibrator_is_tried() -> None:
    assert {way.partition(" ")[2] for way in WAYS} - {""} == set(CALIBRATORS["onnx"])
    assert float_models.ONNX.keys() == SHAPES.keys()
