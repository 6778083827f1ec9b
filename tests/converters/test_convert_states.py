"""`edgeml convert` of a model that takes its state in and gives it out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeml import documents, holdout
from edgeml.contract import Contract
from edgeml_converters.compare.compare import compare_models
from tests.converters.commands import HERE, convert

SLOW = HERE / "torch_forms.py"
STATE = ("--output", "h1=state,error=0.02", "--output", "y=regression,error=0.05")


def _stream(path: Path, steps: int, **besides: Any) -> Path:
    rng = np.random.default_rng(0)
    waves = np.sin(np.arange(steps)[:, None] * np.array([0.05, 0.11, 0.2, 0.31]))
    np.savez(
        path,
        x=(waves + 0.3 * rng.normal(size=(steps, 4))).astype(np.float32),
        h=rng.uniform(-0.5, 0.5, size=(steps, 8)).astype(np.float32),
        **besides,
    )
    return path


@pytest.mark.torch
def test_what_int8_rounds_at_each_step_is_seen_where_it_adds_up(tmp_path: Path) -> None:
    """At 42 dB single steps are the same, by people who need 37; after 300 on its own it has 17.

    It is calibrated on what is given, whose states are wider than those that the model comes to.
    """
    out = tmp_path / "out"
    data = _stream(tmp_path / "data.npz", 300)
    options = (
        "--precision",
        "fp32,int8",
        "--calibrator",
        "minmax",
        "--calibration-data",
        str(data),
    )
    near = ("--output", "h1=state,error=0.005", "--output", "y=regression,error=0.005")
    ended = convert(f"{SLOW}:slow", data, out, *near, *options, "--no-repair", to=["onnx"])
    exact, int8 = (variant["engines"][0] for variant in ended.report["variants"])
    assert [o["answer"] for o in exact["outputs"] + exact["fed_back"]] == ["same"] * 4
    assert exact["fed_back"][0]["snr_db"] > 100
    assert [o["answer"] for o in int8["outputs"]] == ["same", "same"]
    assert int8["answer"] == "differs" and ended.code == 4
    reasons = [o["reason"] for o in int8["fed_back"]]
    assert all(reason.startswith("with its states fed back over 300 steps") for reason in reasons)
    a, b = (str(out / kind / "model.onnx") for kind in ("onnx-fp32", "onnx-int8"))
    compared = compare_models(a, b, data, outputs=["h1=state,input=h,error=0.005"])
    assert compared.answer == "differs"
    assert "fed back over 300 steps" in str(compared.fault())
    # From its state in the data in the middle too, less has added up.
    clips = _stream(tmp_path / "clips.npz", 300, clip=np.arange(300) // 150)
    short = compare_models(a, b, clips, outputs=["h1=state,input=h"], sequence_by="clip")
    long_db, short_db = (found.engines[0].fed_back[1].snr_db for found in (compared, short))
    assert long_db is not None and short_db is not None and short_db > long_db
    contract = documents.decode((out / "contract.json").read_bytes(), Contract, "contract")
    assert {tensor.name: tensor.roles[0].input for tensor in contract.outputs} == {
        "y": "",
        "h1": "h",
    }


@pytest.mark.torch
def test_what_adds_up_is_mended_by_few_operators_in_float(tmp_path: Path) -> None:
    """No one operator is to blame, so those without weights stay in float."""
    data = _stream(tmp_path / "data.npz", 300)
    options = ("--precision", "int8", "--calibrator", "minmax")
    ended = convert(f"{SLOW}:slow", data, tmp_path / "out", *STATE, *options, to=["onnx"])
    (int8,) = ended.report["variants"]
    assert int8["answer"] == "same" and ended.code == 0
    assert int8["coverage"] == 100
    assert [repair["kept"] for repair in int8["repairs"]].count(True) == 1
    (kept,) = [repair["action"] for repair in int8["repairs"] if repair["kept"]]
    assert kept == "keep the 4 operators that add most noise in float"


@pytest.mark.torch
def test_sequences_without_a_state_are_bad_input(tmp_path: Path) -> None:
    data = _stream(tmp_path / "data.npz", 16, clip=np.arange(16))
    ended = convert(f"{SLOW}:slow", data, tmp_path / "out", "--sequence-by", "clip", to=["onnx"])
    assert ended.code == 2
    assert ended.sentence == (
        "--sequence-by is for models whose states are fed back, but no output is said to be a "
        "state; say which is, as in --output NAME=state."
    )


@pytest.mark.torch
def test_states_of_a_beginning_in_every_row_give_way_to_those_the_model_comes_to(
    tmp_path: Path,
) -> None:
    """Zeros in every row are what people have; by them alone single steps would prove nothing of
    any other state, neither here nor on a device."""
    rng = np.random.default_rng(0)
    data, apart, out = tmp_path / "data.npz", tmp_path / "apart.npz", tmp_path / "out"
    for path, steps in ((data, 300), (apart, 128)):
        x = np.sin(np.arange(steps)[:, None] * np.array([0.05, 0.11, 0.2, 0.31]))
        x += 0.3 * rng.normal(size=(steps, 4))
        zeros = np.zeros((steps, 8), np.float32)
        np.savez(path, x=x.astype(np.float32), h=zeros, clip=np.arange(steps) // 100)
    options = ("--precision", "fp32,int8", "--calibration-data", str(apart))
    by = ("--sequence-by", "clip")
    ended = convert(f"{SLOW}:slow", data, out, *STATE, *by, *options, to=["onnx"])
    assert ended.code == 0, ended.err
    assert [text for text in ended.report["assumed"] if "the state of a beginning" in text]
    kept = holdout.decode((out / "holdout.npz").read_bytes())
    assert np.abs(kept.inputs["h"]).max(axis=1).astype(bool).mean() > 0.9
    low, high = ended.report["variants"][1]["ranges"]["h"]
    assert low < -0.1 and high > 0.1
