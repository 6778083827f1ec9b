"""Files that are converted already as sources, and older ones, as a user calls it."""

import filecmp
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeml import documents
from edgeml.contract import Contract
from edgeml.conversion import Provenance
from edgeml.errors import InputError
from edgeml_converters.frameworks.file_model import load_onnx
from tests.converters.commands import HERE, Ended, convert, write_data

PROBE = HERE.parents[1] / "runtime" / "edgeml_runtime" / "engines" / "probe.tflite"
LEAK = "/home/someone/net.py:12"
RNG = np.random.default_rng(0)
WEIGHTS = {
    "w": RNG.normal(size=(3, 8, 5, 5)).astype(np.float32),
    "table": RNG.normal(size=(99, 77)).astype(np.float32),
}


def _write(path: Path, batch: int | str = "N", scalar: bool = False) -> Path:
    """An image of any size to its three channels and their sum over a table beside the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    conv = helper.make_node("Conv", ["image", "w"], ["blurred"], doc_string=LEAK)
    conv.metadata_props.add(key="pkg.torch.onnx.stack_trace", value=LEAK)
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 8, "H", "W"])]
    if scalar:
        inputs.append(helper.make_tensor_value_info("rate", TensorProto.FLOAT, []))
    second = "rate" if scalar else "sum"
    graph = helper.make_graph(
        [
            conv,
            helper.make_node("ReduceSum", ["table"], ["sum"], keepdims=0),
            helper.make_node("GlobalAveragePool", ["blurred"], ["pooled"]),
            helper.make_node("Mul", ["pooled", second], ["scaled"]),
        ],
        "blur",
        inputs,
        [
            helper.make_tensor_value_info("blurred", TensorProto.FLOAT, [batch, 3, "h", "w"]),
            helper.make_tensor_value_info("scaled", TensorProto.FLOAT, [batch, 3, 1, 1]),
        ],
        [numpy_helper.from_array(value, name) for name, value in WEIGHTS.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    model.metadata_props.add(key="alphabet", value="abc")
    onnx.save(model, path, save_as_external_data=True, location="beside.data", size_threshold=1024)
    return path


def _provenance(out: Path) -> Provenance:
    return documents.decode((out / "provenance.json").read_bytes(), Provenance, "provenance")


@pytest.fixture(scope="module")
def blur(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ended]:
    folder = tmp_path_factory.mktemp("blur")
    model = _write(folder / "blur.onnx")
    data = write_data(folder / "data.npz", image=(8, 9, 7), samples=10)
    return folder, convert(model, data, folder / "out", to=["onnx"])


def test_an_onnx_file_goes_its_way_cleaned(blur: tuple[Path, Ended]) -> None:
    """Two free axes besides the batch, weights beside it, and who made it is gone."""
    folder, ended = blur
    assert ended.code == 0, ended.err
    assert (ended.report["source"], ended.report["framework"]) == ("blur.onnx", "onnx")
    (variant,) = ended.report["variants"]
    assert variant["routes"] == [{"route": "onnx-as-is", "error": None}]
    assert variant["files"] == ["onnx-fp32/model.onnx", "onnx-fp32/weights.bin"]
    assert (variant["inputs"], variant["batch"]) == ({"image": "image"}, None)
    assert variant["outputs"] == {"blurred": "blurred", "scaled": "scaled"}
    shipped = (folder / "out" / "onnx-fp32" / "model.onnx").read_bytes()
    assert LEAK.encode() not in shipped
    assert b"alphabet" in shipped, "what its author wrote for its users stays with it"
    sizes = onnx.load_from_string(shipped).graph.input[0].type.tensor_type.shape.dim
    assert [size.dim_param or size.dim_value for size in sizes] == ["batch", 8, "H", "W"]
    assert "onnxruntime" in ended.report["tools"]


def test_another_folder_gives_the_same_bytes(blur: tuple[Path, Ended], tmp_path: Path) -> None:
    folder, ended = blur
    _write(tmp_path / "deep" / "er" / "blur.onnx")
    again = convert(
        "er/blur.onnx", folder / "data.npz", tmp_path / "out", to=["onnx"], folder=tmp_path / "deep"
    )
    assert again.code == 0, again.err
    names = [*ended.report["variants"][0]["files"], "report.json", "contract.json", "holdout.npz"]
    same = filecmp.cmpfiles(folder / "out", tmp_path / "out", names, shallow=False)
    assert (sorted(same[0]), same[1:]) == (sorted(names), ([], []))
    digest = _provenance(folder / "out").source_sha256
    assert digest == _provenance(tmp_path / "out").source_sha256


def test_the_digest_of_an_onnx_file_covers_the_weights_beside_it(
    blur: tuple[Path, Ended], tmp_path: Path
) -> None:
    folder, _ = blur
    model = _write(tmp_path / "blur.onnx")
    changed = bytearray((tmp_path / "beside.data").read_bytes())
    changed[-1] ^= 1
    (tmp_path / "beside.data").write_bytes(changed)
    assert model.read_bytes() == (folder / "blur.onnx").read_bytes()
    ended = convert(model, folder / "data.npz", tmp_path / "out", to=["onnx"])
    assert ended.code == 0, ended.err
    digest = _provenance(tmp_path / "out").source_sha256
    assert digest != _provenance(folder / "out").source_sha256


def _refused(source: Path, data: Path, out: Path, to: str = "onnx") -> str:
    ended = convert(source, data, out, to=[to])
    assert ended.code == 2, ended.err
    assert not out.exists()
    return ended.sentence


def test_the_other_format_is_refused(blur: tuple[Path, Ended], tmp_path: Path) -> None:
    folder, _ = blur
    said = _refused(folder / "blur.onnx", folder / "data.npz", tmp_path / "out", to="tflite")
    assert "An ONNX file can only go to onnx, but --to tflite was given" in said


@pytest.mark.parametrize(
    ("location", "sentence"),
    [
        ("../outside.data", "keeps weights at '../outside.data', outside of its own folder"),
        ("/etc/hostname", "keeps weights at '/etc/hostname', outside of its own folder"),
        ("link.data", "keeps weights at 'link.data', outside of its own folder"),
        ("missing.data", "keeps weights in 'missing.data', which is missing"),
    ],
)
def test_weights_come_from_the_models_own_folder_only(
    blur: tuple[Path, Ended], tmp_path: Path, location: str, sentence: str
) -> None:
    folder, _ = blur
    path = _write(tmp_path / "model" / "blur.onnx")
    shutil.copy(path.parent / "beside.data", tmp_path / "outside.data")
    (path.parent / "link.data").symlink_to(tmp_path / "outside.data")
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError) as caught:
        load_onnx(path)
    assert sentence in str(caught.value)
    ended = convert(path, folder / "data.npz", tmp_path / "out", to=["onnx"])
    assert ended.code in (2, 3) and location in ended.sentence
    assert not (tmp_path / "out").exists()


def test_what_is_no_whole_model(blur: tuple[Path, Ended], tmp_path: Path) -> None:
    folder, _ = blur
    data, out = folder / "data.npz", tmp_path / "out"
    path = tmp_path / "net.onnx"
    path.write_text("a model, honestly")
    assert "net.onnx is not a whole ONNX model" in _refused(path, data, out)
    whole = (folder / "blur.onnx").read_bytes()
    path.write_bytes(whole[:-50])
    assert "net.onnx is not a whole ONNX model" in _refused(path, data, out)
    shutil.copy(folder / "beside.data", tmp_path)
    path.write_bytes(whole.replace(b"GlobalAveragePool", b"GlobalAverageFool"))
    with pytest.raises(InputError, match=r"refused net\.onnx: .*GlobalAverageFool"):
        load_onnx(path)
    half = tmp_path / "half.tflite"
    half.write_bytes(PROBE.read_bytes()[:300])
    assert "half.tflite is not a whole" in _refused(half, data, out, to="tflite")


def test_the_first_axis_must_be_the_sample(blur: tuple[Path, Ended], tmp_path: Path) -> None:
    folder, _ = blur
    data, out = folder / "data.npz", tmp_path / "out"
    frozen = _write(tmp_path / "frozen.onnx", batch=4)
    assert "'image' of frozen.onnx is frozen to 4 on its first axis" in _refused(frozen, data, out)
    number = _write(tmp_path / "number.onnx", scalar=True)
    assert "number.onnx takes the single number 'rate'" in _refused(number, data, out)


def test_an_onnx_file_frozen_to_batch_1_is_run_sample_by_sample(
    blur: tuple[Path, Ended], tmp_path: Path
) -> None:
    folder, _ = blur
    frozen = _write(tmp_path / "frozen.onnx", batch=1)
    ended = convert(frozen, folder / "data.npz", tmp_path / "out", to=["onnx"])
    assert ended.code == 0, ended.err
    assert ended.report["variants"][0]["batch"] == 1


def test_a_tflite_file_is_copied(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data.npz", any=(2,), samples=9)
    ended = convert(PROBE, data, tmp_path / "out", to=["tflite"])
    assert ended.code == 0, ended.err
    assert ended.report["framework"] == "tflite"
    (variant,) = ended.report["variants"]
    assert variant["routes"] == [{"route": "tflite-as-is", "error": None}]
    assert (tmp_path / "out" / variant["entry"]).read_bytes() == PROBE.read_bytes()
    assert {engine["engine"] for engine in variant["engines"]} == {"tflite", "litert"}
    said = _refused(PROBE, data, tmp_path / "other", to="onnx")
    assert "A TFLite file can only go to tflite, but --to onnx was given" in said


def test_a_contract_stands_for_data_that_is_not_there_yet(tmp_path: Path) -> None:
    first = convert(PROBE, write_data(tmp_path / "d.npz", x=(2,)), tmp_path / "a", to=["tflite"])
    assert first.code == 0, first.err
    again = convert(PROBE, tmp_path / "a" / "contract.json", tmp_path / "b", to=["tflite"])
    assert again.code == 0, again.err
    assert again.report["samples"] == 192
    ranges = [
        documents.decode((tmp_path / out / "contract.json").read_bytes(), Contract, "it")
        .inputs[0].range
        for out in ("a", "b")
    ]  # fmt: skip
    assert ranges[0] is not None and ranges[1] is not None
    assert ranges[0][0] <= ranges[1][0] < ranges[1][1] <= ranges[0][1]
    (tmp_path / "no.json").write_text("{}")
    refused = convert(PROBE, tmp_path / "no.json", tmp_path / "c", to=["tflite"])
    assert refused.code == 2 and "is not a contract of schema 1" in refused.sentence
