"""What people ask of the files: the opset, sizes that stay free or not, one signature of many."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from edgeml.errors import InputError
from edgeml.package import Package
from edgeml.packing import pack
from edgeml_converters.asked import Asked, FreeAxis, check_asked, check_free, parse_free
from edgeml_converters.formats.onnx_asked import opset_of
from edgeml_converters.parity.sizes import Sized, cut, sizes_of_outputs
from edgeml_runtime.swap.loader import check_holdout, open_engine
from edgeml_runtime.swap.stage import check_signature
from tests.converters.commands import HERE, convert, write_data

TORCH = HERE / "torch_forms.py"


def _sizes(path: Path) -> list[list[Any]]:
    graph = onnx.load(path, load_external_data=False).graph
    return [
        [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.output)
    ]


@pytest.mark.torch
@pytest.mark.parametrize(
    ("opset", "route"), [(12, "torch-onnx-torchscript"), (20, "torch-onnx-dynamo")]
)
def test_the_opset_is_the_one_asked_for(tmp_path: Path, opset: int, route: str) -> None:
    """By the first route that writes it; every size is fixed besides."""
    data = write_data(tmp_path / "data.npz", image=(1, 8, 8), samples=12)
    options = ("--opset", str(opset), "--static")
    ended = convert(f"{HERE}/torch_models.py:digits", data, tmp_path / "out", *options, to=["onnx"])
    assert ended.code == 0, ended.err
    (variant,) = ended.report["variants"]
    assert variant["routes"][-1] == {"route": route, "error": None}
    assert variant["batch"] == 1
    entry = tmp_path / "out" / variant["entry"]
    assert opset_of(onnx.load(entry, load_external_data=False)) == opset
    assert _sizes(entry) == [[1, 1, 8, 8], [1, 10]]


@pytest.mark.torch
def test_free_sizes_hold_in_the_file_the_contract_and_the_engine(tmp_path: Path) -> None:
    data = write_data(tmp_path / "data.npz", image=(3, 12, 16), samples=10)
    out = tmp_path / "out"
    free = ("--free", "image:2=height", "--free", "image:3=width")
    ended = convert(f"{TORCH}:any_size", data, out, *free, to=["onnx"])
    assert ended.code == 0, ended.err
    (variant,) = ended.report["variants"]
    (row, *_) = variant["engines"]
    assert {"name": "sizes", "passed": True}.items() <= row["evidence"]["invariants"][-1].items()
    image, whole, _ = _sizes(out / variant["entry"])
    assert image == ["batch", 3, "height", "width"] and whole == ["batch", 4, "height", "width"]
    pack(out, "maps", "1", tmp_path / "maps.edgeml")
    with Package(tmp_path / "maps.edgeml") as package:
        contract, holdout = package.contract(), package.holdout()
        (packed,) = package.manifest.variants
    shapes = [tensor.shape for tensor in (*contract.inputs, *contract.outputs)]
    assert shapes[:2] == [("batch", 3, "height", "width"), ("batch", 4, "height", "width")]
    assert shapes[2] == ("batch", 4, "output_1_2", "output_1_3")
    engine = open_engine("onnxruntime", packed, out / variant["entry"], contract)
    check_signature(engine, contract, packed)
    check_holdout(engine, packed, holdout, contract)
    request = {"image": np.zeros((2, 3, 30, 22), np.float32)}
    contract.check_inputs(request)
    answer = engine.run(request)
    contract.check_outputs(answer)
    assert [array.shape for array in answer.values()] == [(2, 4, 30, 22), (2, 4, 15, 11)]


@pytest.mark.torch
def test_a_size_that_became_a_constant_is_found(tmp_path: Path) -> None:
    """torch.export says so itself; the trace keeps it, and fails or differs at another size."""
    data = write_data(tmp_path / "data.npz", steps=(12,), samples=10)
    out = tmp_path / "out"
    ended = convert(f"{TORCH}:one_size", data, out, "--free", "steps:1=count", to=["onnx"])
    assert ended.code == 4
    (variant,) = ended.report["variants"]
    assert [finding["fault"] for finding in variant["findings"]] == ["frozen-size"]
    assert "with count = 6" in variant["findings"][0]["message"]


_TWO = """
import sys
import tensorflow as tf

class Two(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 6], tf.float32, name="x")])
    def once(self, x):
        return {"y": tf.tanh(x)}

    @tf.function(input_signature=[tf.TensorSpec([None, 6], tf.float32, name="x")])
    def twice(self, x):
        return {"z": tf.tanh(x) * 2}

two = Two()
tf.saved_model.save(two, sys.argv[1], signatures={"once": two.once, "twice": two.twice})
"""


@pytest.mark.tensorflow
def test_one_signature_of_many(tmp_path: Path) -> None:
    folder = tmp_path / "two"
    subprocess.run([sys.executable, "-c", _TWO, str(folder)], check=True, capture_output=True)
    data = write_data(tmp_path / "data.npz", x=(6,), samples=12)
    ended = convert(f"{folder}:twice", data, tmp_path / "out", to=["onnx"])
    assert ended.code == 0, ended.err
    assert ended.report["source"] == "two:twice" and list(ended.report["roles"]) == ["z"]
    for source, words in (
        (folder, "has the signatures once, twice; name one as FOLDER:SIGNATURE"),
        (f"{folder}:thrice", "has no signature 'thrice', but once, twice; name one of these"),
    ):
        ended = convert(source, data, tmp_path / "none", to=["onnx"])
        assert ended.code == 2 and words in ended.sentence


@pytest.mark.parametrize("text", ["x", "x:0", "x:-1", "x:one", "x:1=", "x:1=9a", ":1"])
def test_what_names_no_free_axis(text: str) -> None:
    with pytest.raises(InputError, match="must be NAME:AXIS or NAME:AXIS=SIZE"):
        parse_free([text])


def test_free_axes_are_named_after_their_input() -> None:
    assert parse_free(["serving:x:2", "mask:1=length"]) == (
        FreeAxis(input="serving:x", axis=2, size="serving_x_2"),
        FreeAxis(input="mask", axis=1, size="length"),
    )


@pytest.mark.parametrize(
    ("asked", "targets", "words"),
    [
        (Asked(opset=17), ("tflite",), "--opset is for ONNX"),
        (Asked(opset=99), ("onnx",), "none of ONNX's; use 7 to 28"),
        (Asked(static=True, free=parse_free(["x:1"])), ("onnx",), "give one of them"),
        (Asked(free=parse_free(["x:1"])), ("onnx", "tflite"), "sizes in a TFLite file are fixed"),
        (Asked(io="int8"), ("onnx",), "ask for --precision int8 alone, and for one format"),
    ],
)
def test_what_cannot_be_asked(asked: Asked, targets: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_asked(asked, targets, ["int8", "fp32"])


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["y:1"], "the inputs are x, mask"),
        (["x:3"], "the last axis is 2"),
        (["x:1=n", "mask:1=n"], "sizes 9 and 8 of the data 'n'"),
        (["x:2"], "always 1"),
    ],
)
def test_free_axes_that_the_data_have_not(texts: list[str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_free(parse_free(texts), {"x": (4, 9, 1), "mask": (4, 8)})


def test_samples_are_cut_to_half_and_to_one_less() -> None:
    inputs = {"x": np.arange(80).reshape(4, 10, 2), "mask": np.ones((4, 10)), "k": np.ones((4, 3))}
    found = list(cut(parse_free(["x:1=n", "mask:1=n"]), inputs))
    assert [(size, length) for size, length, _ in found] == [("n", 5), ("n", 9)]
    half = found[0][2]
    assert {name: array.shape for name, array in half.items()} == {
        "x": (4, 5, 2), "mask": (4, 5), "k": (4, 3),
    }  # fmt: skip
    assert (half["x"] == inputs["x"][:, :5]).all()


def test_sizes_of_outputs_follow_those_of_inputs() -> None:
    def sized(length: int) -> Sized:
        answers = {"same": np.zeros((4, length)), "half": np.zeros((4, length // 2, 3))}
        return Sized("n", length, {}, answers)

    expected = {"same": np.zeros((4, 10)), "half": np.zeros((4, 5, 3))}
    assert sizes_of_outputs(expected, [sized(5), sized(9)]) == {
        "same": {1: "n"}, "half": {1: "half_1"},
    }  # fmt: skip


def test_a_square_mask_is_cut_along_both_of_its_axes() -> None:
    free = parse_free(["x:1=length", "mask:1=length", "mask:2=length"])
    inputs = {"x": np.zeros((3, 10, 4)), "mask": np.zeros((3, 10, 10))}
    found = [(length, cutout["mask"].shape) for _, length, cutout in cut(free, inputs)]
    assert found == [(5, (3, 5, 5)), (9, (3, 9, 9))]
