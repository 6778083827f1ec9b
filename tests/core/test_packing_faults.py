"""`edgeml package` refuses a folder whose files do not fit together."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgeml import digests
from edgeml.errors import EdgemlError, InputError, PackageError, ParityError
from edgeml.holdout import Holdout
from edgeml.packing import pack
from tests.core.changes import change_holdout, change_report, change_variant
from tests.flow.conversions import VARIANT

OUTSIDE = "../conversion/contract.json"  # there, but not one of the variant's own


def _replace(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def _outside(folder: Path) -> dict[str, str]:
    return {OUTSIDE: digests.sha256_file(folder / OUTSIDE)}


def _rename_input(samples: Holdout) -> Holdout:
    return replace(samples, inputs={"z": samples.inputs["x"]})


def _wrong_dtype(samples: Holdout) -> Holdout:
    inputs = {"x": samples.inputs["x"].astype(np.float64)}
    return replace(samples, inputs=inputs)


def _wrong_shape(samples: Holdout) -> Holdout:
    expected = {"logits": samples.expected["logits"][:, :3]}
    return replace(samples, expected=expected)


def _nan(samples: Holdout) -> Holdout:
    expected = {"logits": samples.expected["logits"] * np.float32("nan")}
    return replace(samples, expected=expected)


def _other_engine(samples: Holdout) -> Holdout:
    return replace(samples, noise={(VARIANT, "litert"): samples.noise[VARIANT, "onnxruntime"]})


def _no_spread(samples: Holdout) -> Holdout:
    return replace(samples, spreads={}, noise={})


def _spread_of_three(samples: Holdout) -> Holdout:
    return replace(samples, spreads={"logits": np.ones(3)}, noise={})


FAULTS: dict[str, tuple[Callable[[Path], object], type[EdgemlError], str]] = {
    "no_report": (lambda f: (f / "report.json").unlink(), InputError, "report.json cannot be read"),
    "report_no_json": (_replace("report.json", b"hello"), InputError, "report.json is not a"),
    "report_of_another_schema": (
        lambda f: change_report(f, lambda r: msgspec.structs.replace(r, schema=2)),
        InputError,
        "has schema 2",
    ),
    "no_contract": (lambda f: (f / "contract.json").unlink(), InputError, "contract.json cannot"),
    "no_provenance": (lambda f: (f / "provenance.json").unlink(), InputError, "provenance.json"),
    "provenance_no_json": (_replace("provenance.json", b"{}"), InputError, "provenance.json is"),
    "no_holdout": (lambda f: (f / "holdout.npz").unlink(), InputError, "holdout.npz cannot"),
    "holdout_garbage": (_replace("holdout.npz", b"PK\3\4"), PackageError, "not a readable .npz"),
    "no_model": (
        lambda f: (f / VARIANT / "model.onnx").unlink(),
        InputError,
        "onnx-fp32/model.onnx cannot be read",
    ),
    "model_empty": (_replace(f"{VARIANT}/model.onnx", b""), PackageError, "is empty"),
    "holdout_other_name": (lambda f: change_holdout(f, _rename_input), PackageError, "'x'"),
    "holdout_dtype": (lambda f: change_holdout(f, _wrong_dtype), PackageError, "must be float32"),
    "holdout_shape": (lambda f: change_holdout(f, _wrong_shape), PackageError, "must have shape"),
    "holdout_nan": (lambda f: change_holdout(f, _nan), PackageError, "must be finite"),
    "noise_of_another_engine": (
        lambda f: change_holdout(f, _other_engine),
        PackageError,
        "does not say how onnx-fp32 did on onnxruntime in 'logits'",
    ),
    "no_spread": (lambda f: change_holdout(f, _no_spread), PackageError, "no spread of 'logits'"),
    "spread_of_three": (
        lambda f: change_holdout(f, _spread_of_three),
        PackageError,
        "has 10 channels, but a spread of 3",
    ),
    "other_inputs": (
        lambda f: change_report(f, change_variant(inputs={"z": "z"})),
        PackageError,
        "does not name the contract's",
    ),
    "file_outside": (
        lambda f: change_report(f, change_variant(files=(OUTSIDE,), sha256=_outside(f))),
        PackageError,
        "not one of its files",
    ),
    "entry_outside": (
        lambda f: change_report(
            f, change_variant(files=(OUTSIDE,), entry=OUTSIDE, sha256=_outside(f))
        ),
        PackageError,
        "not one of plain names",
    ),
    "passed_on_no_engine": (
        lambda f: change_report(f, change_variant(engines=())),
        ParityError,
        "on no engine",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_together_is_refused(folder: Path, tmp_path: Path, fault: str) -> None:
    damage, kind, sentence = FAULTS[fault]
    damage(folder)
    target = tmp_path / "x.edgeml"
    with pytest.raises(kind) as error:
        pack(folder, "digits", "1", target)
    assert type(error.value) is kind and sentence in str(error.value)
    assert not target.exists()
