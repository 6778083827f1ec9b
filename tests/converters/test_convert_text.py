"""A text model of PyTorch: int64 ids that TFLite takes as int32, and an answer without axes."""

from pathlib import Path

import numpy as np
import pytest

from edgeml.package import Package
from edgeml.packing import pack
from edgeml_runtime.swap.loader import check_holdout, open_engine
from edgeml_runtime.swap.stage import check_signature
from tests.converters.commands import HERE, convert

pytestmark = pytest.mark.torch


def test_weights_in_half_precision_are_asked_and_converted_in_float32(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "data.npz", ids=rng.integers(0, 50, (40, 9)), length=np.full((40, 1), 9.0))
    model = f"{HERE}/torch_models.py:half_words"
    ended = convert(model, tmp_path / "data.npz", tmp_path / "out", to=["onnx"])
    assert ended.code == 0, ended.err
    assert ended.report["assumed"] == [
        "The model's weights are float16; it was asked and converted in float32, which holds them "
        "exactly.",
        "'length' is float64 in data.npz and was cast to float32, as the model takes it.",
    ]


def test_ids_of_a_text_model_go_to_both_formats_and_to_the_device(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ids, length = rng.integers(0, 50, (40, 9)), np.full((40, 1), 9)
    np.savez(tmp_path / "data.npz", ids=ids, length=length)
    ended = convert(f"{HERE}/torch_models.py:words", tmp_path / "data.npz", tmp_path / "out")
    assert ended.code == 0, ended.err
    pack(tmp_path / "out", "words", "1", tmp_path / "words.edgeml")
    with Package(tmp_path / "words.edgeml") as package:
        contract, holdout = package.contract(), package.holdout()
        variants = package.manifest.variants
    assert [tensor.dtype for tensor in contract.inputs] == ["int64", "int64"]
    assert {variant.format for variant in variants} == {"onnx", "tflite"}
    for variant in variants:
        entry = tmp_path / "out" / variant.entry.removeprefix("variants/")
        for required in variant.requires:
            engine = open_engine(required.engine, variant, entry, contract)
            check_signature(engine, contract, variant)
            check_holdout(engine, variant, holdout, contract)
            one = engine.run({"ids": ids[:1], "length": length[:1]})
            contract.check_outputs(one)
            assert one["first"].tolist() == [ids[0, 0]]
