"""--output, --tolerance and --compare: what users say decides, and the report says so."""

from pathlib import Path

import numpy as np
import pytest

from tests import onnx_models
from tests.converters.commands import convert, write_data

OWN = "own_comparisons"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return onnx_models.scale(tmp_path / "scale.onnx", 2.0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Calibrated on a tenth, int8 would cut off almost everything."""
    np.savez(tmp_path / "narrow.npz", x=np.linspace(-0.1, 0.1, 160).reshape(40, 4).astype("f4"))
    return write_data(tmp_path / "data.npz", x=(4,))


def _int8(data: Path) -> tuple[str, ...]:
    narrow = data.with_name("narrow.npz")
    return "--precision", "int8", "--calibration-data", str(narrow), "--no-repair"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ((), 4),
        (("--output", "y=unknown", "--tolerance", "y:noise-of-an-unknown-output=0.2dB"), 0),
        (("--compare", f"{OWN}:within_three"), 4),
        (("--compare", f"{OWN}:nothing_is_good"), 3),  # not even the float file under it
    ],
)
def test_what_users_say_decides(
    model: Path, data: Path, tmp_path: Path, options: tuple[str, ...], code: int
) -> None:
    ended = convert(model, data, tmp_path / "out", *_int8(data), *options, to=["onnx"])
    assert ended.code == code, ended.err
    report = ended.report
    allowed = (
        {"y:noise of an unknown output": pytest.approx(10**-0.02)}
        if "--tolerance" in options
        else {}
    )
    assert report["allowed"] == allowed
    own = "--compare" in options
    assert report["compared_by"] == (options[1] if own else "")
    outputs = [o for e in report["variants"][0]["engines"] for o in e["outputs"]]
    assert all(output["figures"] for output in outputs)
    if own:
        words = "I do not like it" if code == 3 else "y is off by"
        assert f"'y' differs: {words}" in ended.sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--compare", "checks.py:difference"), "must be module:callable, the module without .py"),
        (("--compare", "not_there:difference"), "could not be imported (ModuleNotFoundError"),
        (("--compare", f"{OWN}:absent"), "is not a callable; name a function of (output, "),
        (
            ("--compare", f"{OWN}:fails"),
            "(LookupError: no limits here, at own_comparisons.py:",
        ),
        (("--compare", f"{OWN}:leaves"), "failed on 'y' (SystemExit: 3, at own_comparisons.py:"),
        (("--compare", f"{OWN}:number"), "answers 0.5 for 'y'; it is a function of (output, "),
        (("--tolerance", "y=1"), "--tolerance 'y=1' must be NAME:FIGURE=VALUE"),
        (("--metric", "accuracy"), "The labels must be class numbers from 0 to 3"),
        (("--tolerance", "y:flips=1"), "judged by noise-of-an-unknown-output, rounding; use one"),
        (("--tolerance", "z:flips=1"), "--tolerance names 'z', but the model's outputs are y"),
        (("--output", "y=cake"), "--output 'y=cake' must be NAME=ROLE"),
        (("--output", "z=logits"), "--output names 'z', but the model's outputs are y"),
        (("--output", "y=scores,axis=3"), "--output gives 'y' axis 3, but of shape"),
        (("--output", "y=heatmap"), "takes 'y' for heatmap, which wants a map of height and width"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(
    model: Path, data: Path, tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    ended = convert(model, data, tmp_path / "out", *options, to=["onnx"])
    assert ended.code == 2
    assert sentence in ended.sentence
    assert not (tmp_path / "out").exists()
