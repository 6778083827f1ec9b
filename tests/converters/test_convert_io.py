"""`--io`: int8 files that take and give integers, from the command to the device's self-test."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgeml import documents
from edgeml.contract import Contract, as_taken
from edgeml.errors import HoldoutError
from edgeml.package import Package
from edgeml.quantisation import Quantisation
from edgeml_runtime.engines.tflite import LitertEngine
from edgeml_runtime.swap.loader import check_holdout, open_engine
from tests.converters.commands import HERE, Ended, convert, write_data
from tests.converters.plain_figures import snr_db

pytestmark = pytest.mark.torch
SOURCE = f"{HERE}/torch_models.py:digits"
ROLE = ("--output", "output=regression,error=0.2")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    folder = tmp_path_factory.mktemp("io")
    data = write_data(folder / "data.npz", image=(1, 8, 8), samples=240)
    asked = ("--precision", "int8", "--io", "uint8", "--calibrator", "minmax")
    return folder, convert(SOURCE, data, folder / "out", *asked, *ROLE, to=["tflite"])


def _contract(folder: Path) -> Contract:
    return documents.decode((folder / "contract.json").read_bytes(), Contract, "contract.json")


def test_the_contract_says_what_integers_stand_for(made: tuple[Path, Ended]) -> None:
    folder, ended = made
    assert ended.code == 0, ended.err
    contract = _contract(folder / "out")
    for tensor in (*contract.inputs, *contract.outputs):
        assert tensor.dtype == "uint8" and tensor.quantisation is not None
        assert tensor.range is not None and 0 <= tensor.range[0] < tensor.range[1] <= 255
    # The file itself says the same to whoever opens it without edgeml.
    interpreter = Interpreter(str(folder / "out" / "tflite-int8" / "model.tflite"))
    found = (interpreter.get_input_details(), interpreter.get_output_details())
    details: list[dict[str, Any]] = [one for of_kind in found for one in of_kind]
    tensors = (*contract.inputs, *contract.outputs)
    for detail, tensor in zip(details, tensors, strict=True):
        assert detail["dtype"] is np.uint8
        scale, zero_point = detail["quantization"]
        assert tensor.quantisation == Quantisation(scale=scale, zero_point=zero_point)
    assert not [
        row for row in ended.report["variants"][0]["findings"] if row["severity"] == "error"
    ]


def test_the_file_answers_integers_that_stand_for_the_model_s(made: tuple[Path, Ended]) -> None:
    import torch

    from tests.converters.torch_models import digits

    folder, _ = made
    image = np.load(folder / "data.npz")["image"][-64:]
    contract = _contract(folder / "out")
    taken = as_taken(contract.inputs, {"image": image})["image"]
    given, means = contract.outputs[0].quantisation, contract.inputs[0].quantisation
    assert given is not None and means is not None
    steps = np.clip(np.round(image / means.scale) + means.zero_point, 0, 255).astype(np.uint8)
    assert np.array_equal(taken, steps)
    engine = LitertEngine(folder / "out" / "tflite-int8" / "model.tflite")
    (answers,) = engine.run({engine.signature.inputs[0].name: steps}).values()
    real = (answers.astype(np.float64) - given.zero_point) * given.scale
    with torch.no_grad():
        expected = digits()(torch.from_numpy(image)).numpy()
    snr = snr_db(real, expected)
    assert snr is not None and snr > 25


def test_a_device_tests_it_by_what_the_integers_stand_for(
    made: tuple[Path, Ended], tmp_path: Path
) -> None:
    from edgeml.packing import pack

    folder, _ = made
    file = tmp_path / "digits.edgeml"
    pack(folder / "out", "digits", "1.0.0", file)
    with Package(file) as package:
        contract, holdout = package.contract(), package.holdout()
        variant = package.manifest.variants[0]
    assert (
        holdout.inputs["image"].dtype == np.uint8 and holdout.expected["output"].dtype.kind == "f"
    )
    entry = folder / "out" / "tflite-int8" / "model.tflite"
    engine = open_engine("litert", variant, entry, contract)
    check_holdout(engine, variant, holdout, contract)
    wrong = json.loads(documents.encode(contract))
    wrong["outputs"][0]["quantisation"]["zero_point"] += 40
    other = documents.decode(json.dumps(wrong).encode(), Contract, "contract.json")
    with pytest.raises(HoldoutError, match="channel"):
        check_holdout(engine, variant, holdout, other)


@pytest.mark.parametrize("floats", [True, False])
def test_such_a_file_is_a_source_with_floats_or_integers_for_data(
    made: tuple[Path, Ended], tmp_path: Path, floats: bool
) -> None:
    folder, _ = made
    arrays = {"image": np.load(folder / "data.npz")["image"]}
    if not floats:
        arrays = as_taken(_contract(folder / "out").inputs, arrays)
    np.savez(tmp_path / "data.npz", **arrays)
    file = folder / "out" / "tflite-int8" / "model.tflite"
    ended = convert(file, tmp_path / "data.npz", tmp_path / "out", *ROLE, to=["tflite"])
    assert ended.code == 0, ended.err
    assert _contract(tmp_path / "out").inputs == _contract(folder / "out").inputs
    said = any("stands for floats" in sentence for sentence in ended.report["assumed"])
    assert said is not floats


def test_one_contract_has_one_scale(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data.npz", image=(1, 8, 8), samples=8)
    for precision, to in (("int8", ["onnx", "tflite"]), ("fp32,int8", ["tflite"])):
        asked = ("--precision", precision, "--io", "int8")
        ended = convert(SOURCE, data, tmp_path / "out", *asked, to=to)
        assert ended.code == 2 and "--io int8 makes one file" in ended.sentence
