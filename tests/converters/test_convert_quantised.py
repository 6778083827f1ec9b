"""Files that somebody else has quantised, taken as they are."""

from pathlib import Path

import pytest

from edgeml.errors import InputError
from edgeml.manifest import Format, Precision
from edgeml_converters.quantise.found import precision_of
from edgeml_converters.variants.as_it_is import precisions_of
from tests.converters.commands import HERE, convert, write_data

PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8", "int8-dynamic", "int8-weights")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A conversion of a small net to every precision in both formats."""
    folder = tmp_path_factory.mktemp("quantised")
    data = write_data(folder / "data.npz", image=(1, 8, 8), samples=240)
    out = folder / "out"
    options = ("--precision", ",".join(PRECISIONS), "--no-repair", "--calibrator", "minmax")
    role = ("--output", "output=regression,error=0.2")
    ended = convert(f"{HERE}/torch_models.py:digits", data, out, *options, *role)
    assert ended.code == 0, ended.err
    return folder


@pytest.mark.torch
@pytest.mark.parametrize("form", ["onnx", "tflite"])
def test_the_precision_of_a_file_is_found_in_it(made: Path, form: Format) -> None:
    files = {p: made / "out" / f"{form}-{p}" / f"model.{form}" for p in PRECISIONS}
    assert {p: precision_of(form, file) for p, file in files.items()} == {p: p for p in PRECISIONS}


@pytest.mark.torch
@pytest.mark.parametrize(
    ("form", "precision"), [("onnx", "fp16"), ("onnx", "int8-dynamic"), ("tflite", "int8")]
)
def test_a_quantised_file_is_taken_as_it_is(
    made: Path, tmp_path: Path, form: Format, precision: Precision
) -> None:
    file = made / "out" / f"{form}-{precision}" / f"model.{form}"
    role = ("--output", "output=regression,error=0.2")
    for asked in ((), ("--precision", precision)):
        out = tmp_path / f"out{len(asked)}"
        ended = convert(file, made / "data.npz", out, *asked, *role, to=[form])
        assert ended.code == 0, ended.err
        (variant,) = ended.report["variants"]
        assert (variant["id"], variant["answer"]) == (f"{form}-{precision}", "same")
        taken, labels = ended.report["assumed"]
        assert taken == f"model.{form} is {precision} already and was taken as it is."
        assert "agree with no output that they fit" in labels  # they are drawn
        assert ended.report["calibration_samples"] == 0 and ended.report["samples"] == 240
        if form == "tflite":
            assert (out / variant["entry"]).read_bytes() == file.read_bytes()


@pytest.mark.torch
def test_another_precision_of_a_quantised_file_is_bad_input(made: Path, tmp_path: Path) -> None:
    file = made / "out" / "onnx-int8" / "model.onnx"
    ended = convert(file, made / "data.npz", tmp_path / "out", "--precision", "fp16", to=["onnx"])
    assert ended.code == 2
    assert ended.sentence == (
        "model.onnx is int8 already, but --precision asks for fp16; leave that out to take it as "
        "it is, or name the float model that it was made of."
    )


def test_a_float_source_is_made_to_what_is_asked_for() -> None:
    assert precisions_of("fp32", ["int8", "fp32"], "net") == ("int8", "fp32")
    assert precisions_of("int8", ["fp32"], "net") == ("int8",)
    assert precisions_of("fp16", ["fp32", "int8", "fp16"], "net") == ("fp16", "int8")
    with pytest.raises(InputError, match="net is int8 already, but --precision asks for fp16"):
        precisions_of("int8", ["fp16", "int8"], "net")
