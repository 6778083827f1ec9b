"""PyTorch to ONNX and TFLite, as a user calls it. Each conversion costs seconds, so few are run."""

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeml import documents, holdout
from edgeml.contract import Contract
from edgeml.conversion import Provenance
from edgeml.digests import sha256_file
from edgeml.packing import pack
from tests.converters.commands import HERE, Ended, convert, write_data

pytestmark = pytest.mark.torch
MODELS = HERE / "torch_models.py"


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "images.npz", image=(1, 8, 8))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with program.pt2 and script.pt; made in a process of its own, which warns."""
    folder = tmp_path_factory.mktemp("saved")
    subprocess.run([sys.executable, "-W", "ignore", MODELS, folder], check=True)
    return folder


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    folder = tmp_path_factory.mktemp("pair")
    data = write_data(folder / "data.npz", right=(6,), left=(6,))
    return folder, convert(f"{MODELS}:pair", data, folder / "out")


def test_two_inputs_and_outputs_keep_the_names_of_the_model(pair: tuple[Path, Ended]) -> None:
    _, ended = pair
    assert ended.code == 0, ended.err
    assert [v["id"] for v in ended.report["variants"]] == ["onnx-fp32", "tflite-fp32"]
    for variant in ended.report["variants"]:
        assert variant["answer"] == "same"
        assert variant["inputs"] == {"left": "left", "right": "right"}
        assert variant["outputs"] == {"zed": "zed", "alpha": "alpha"}
        for engine in variant["engines"]:
            assert engine["error"] is None
            assert all(row["max_abs"] < 1e-5 for row in engine["outputs"])
    engines = [
        [(e["engine"], e["optimisation"]) for e in v["engines"]] for v in ended.report["variants"]
    ]
    assert engines == [
        [("onnxruntime", level) for level in ("all", "extended", "basic", "disabled")],
        [(name, level) for name in ("tflite", "litert") for level in ("all", "disabled")],
    ]
    assert [v["batch"] for v in ended.report["variants"]] == [None, 1]


def test_a_metric_of_ones_own_is_asked_for_one_format_after_the_other(
    pair: tuple[Path, Ended], tmp_path: Path
) -> None:
    metric = ("--metric", "own_metrics:one_at_a_time")
    ended = convert(f"{MODELS}:pair", pair[0] / "data.npz", tmp_path / "out", *metric)
    assert ended.code == 0, ended.err
    for variant in ended.report["variants"]:
        tasks = [engine["evidence"]["task"] for engine in variant["engines"] if engine["evidence"]]
        assert tasks and all(task["metric"] == metric[1] for task in tasks)


def test_the_folder_holds_contract_holdout_and_provenance(pair: tuple[Path, Ended]) -> None:
    folder, _ = pair
    out = folder / "out"
    contract = documents.decode((out / "contract.json").read_bytes(), Contract, "contract")
    assert [(t.name, t.dtype, t.shape) for t in contract.inputs] == [
        ("left", "float32", ("batch", 6)),
        ("right", "float32", ("batch", 6)),
    ]
    assert [(t.name, t.shape) for t in contract.outputs] == [
        ("zed", ("batch", 3)),
        ("alpha", ("batch", 3)),
    ]
    with np.load(folder / "data.npz") as data:
        left, labels = data["left"], data["labels"]
    assert contract.inputs[0].range == (float(left.min()), float(left.max()))
    kept = holdout.decode((out / "holdout.npz").read_bytes())
    assert kept.samples == 64
    proven = {("onnx-fp32", "onnxruntime"), ("tflite-fp32", "litert"), ("tflite-fp32", "tflite")}
    assert {("onnx-fp32", "onnxruntime"), ("tflite-fp32", "litert")} <= kept.noise.keys() <= proven
    assert all(noise.keys() == {"zed", "alpha"} for noise in kept.noise.values())
    assert kept.labels is not None
    rows = [int(np.flatnonzero((left == row).all(axis=1))[0]) for row in kept.inputs["left"]]
    assert len(set(rows)) == 64 and rows[1:] == sorted(rows[1:])
    assert kept.labels.tolist() == labels[rows].tolist()
    contract.check_inputs(kept.inputs)
    contract.check_outputs(kept.expected)
    data = (out / "provenance.json").read_bytes()
    provenance = documents.decode(data, Provenance, "provenance")
    assert provenance.source == "torch_models.py:pair"
    assert provenance.source_sha256 == sha256_file(MODELS)
    assert provenance.data_sha256 == sha256_file(folder / "data.npz")
    assert provenance.tools["torch"].startswith("2.13")


def test_another_folder_gives_the_same_bytes(pair: tuple[Path, Ended], tmp_path: Path) -> None:
    folder, _ = pair
    elsewhere = tmp_path / "a" / "deeper" / "place"
    elsewhere.mkdir(parents=True)
    shutil.copy(MODELS, elsewhere)
    shutil.copy(folder / "data.npz", elsewhere)
    ended = convert(f"{MODELS.name}:pair", Path("data.npz"), Path("again"), folder=elsewhere)
    assert ended.code == 0, ended.err
    names = [path for v in ended.report["variants"] for path in v["files"]]
    names += ["report.json", "contract.json", "holdout.npz"]
    same, differing, unread = filecmp.cmpfiles(
        folder / "out", elsewhere / "again", names, shallow=False
    )
    assert (sorted(same), differing, unread) == (sorted(names), [], [])
    for name in names:
        assert str(tmp_path).encode() not in (elsewhere / "again" / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "route"), [("program.pt2", "dynamo"), ("script.pt", "torchscript")]
)
def test_saved_programs_are_sources(
    saved: Path, images: Path, tmp_path: Path, name: str, route: str
) -> None:
    ended = convert(saved / name, images, tmp_path / "out")
    assert ended.code == 0, ended.err
    onnx, tflite = ended.report["variants"]
    assert onnx["routes"] == [{"route": f"torch-onnx-{route}", "error": None}]
    assert onnx["outputs"] == tflite["outputs"] == {"output": "output"}
    assert onnx["inputs"] == {"image": "image"}
    assert ended.report["source"] == name


def test_a_crash_in_one_route_is_recorded_and_a_lie_in_the_next_exits_with_4(
    images: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ended = convert(f"{MODELS}:crashes_then_lies", images, out, to=["onnx"])
    assert ended.code == 4
    assert "onnx-fp32 does not say the same" in ended.sentence and "rounding" in ended.sentence
    (variant,) = ended.report["variants"]
    first, second = variant["routes"]
    assert first["route"] == "torch-onnx-dynamo" and "SIGSEGV" in first["error"]
    assert second["route"] == "torch-onnx-torchscript"
    assert "onnxruntime: 'output' differs: rounding" in second["error"]
    assert variant["answer"] == variant["engines"][0]["answer"] == "differs"
    assert (out / variant["entry"]).is_file() and (out / "report.json").is_file()


@pytest.mark.parametrize(
    ("name", "shape", "code", "sentence"),
    [
        ("expected/output", (5, 10), 4, "The model does not give expected/output"),
        ("image", (5, 2, 8, 8), 2, "The model refused the data"),
    ],
)
def test_data_that_does_not_fit_the_model(
    tmp_path: Path, name: str, shape: tuple[int, ...], code: int, sentence: str
) -> None:
    data = tmp_path / "data.npz"
    image = np.zeros((5, 1, 8, 8), np.float32)
    np.savez(data, **({"image": image} | {name: np.zeros(shape, np.float32)}))
    ended = convert(f"{MODELS}:digits", data, tmp_path / "out", to=["onnx"])
    assert ended.code == code
    assert sentence in ended.sentence
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "to"),
    [
        ("noisy", "the same call"),
        ("counting", "the same call"),
        ("batch_means", "the same samples in a smaller batch"),
    ],
)
def test_a_model_that_answers_differently_is_no_reference(
    tmp_path: Path, name: str, to: str
) -> None:
    data = write_data(tmp_path / "data.npz", x=(4,))
    ended = convert(f"{MODELS}:{name}", data, tmp_path / "out")
    assert ended.code == 2
    assert ended.sentence.startswith(f"The model answers differently to {to}, in 'output'")
    assert not (tmp_path / "out").exists()


def test_infinities_of_the_models_own_are_answers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    allowed = rng.random((70, 3)) < 0.7
    allowed[:, 0] = True
    data, out = tmp_path / "data.npz", tmp_path / "out"
    np.savez(data, x=rng.normal(size=(70, 4)).astype(np.float32), allowed=allowed)
    ended = convert(f"{MODELS}:ruled", data, out, to=["onnx"])
    assert ended.code == 0, ended.err
    (variant,) = ended.report["variants"]
    assert variant["findings"] == []
    contract = documents.decode((out / "contract.json").read_bytes(), Contract, "contract")
    (output,) = contract.outputs
    assert output.nan == "allow" and output.range is not None
    assert np.isfinite(output.range).all()
    packed = tmp_path / "ruled.edgeml"
    pack(out, "ruled", "1", packed)
    assert packed.is_file()
