"""`edgeml package` refuses a folder whose files do not fit together."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgeml import digests
from edgeml.errors import EdgemlError, InputError, PackageError, ParityError
from edgeml.holdout import Holdout
from edgeml.packing import pack
from edgeml.parity import Tolerance
from tests.core.changes import change_holdout, change_report, change_variant
from tests.flow.conversions import VARIANT

OUTSIDE = "../conversion/contract.json"  # there, but not one of the variant's own


def _replace(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes(data)


def _outside(folder: Path) -> dict[str, str]:
    return {OUTSIDE: digests.sha256_file(folder / OUTSIDE)}


def _rename_input(samples: Holdout) -> Holdout:
    return Holdout({"z": samples.inputs["x"]}, samples.expected, samples.tolerances)


def _wrong_dtype(samples: Holdout) -> Holdout:
    inputs = {"x": samples.inputs["x"].astype(np.float64)}
    return Holdout(inputs, samples.expected, samples.tolerances)


def _wrong_shape(samples: Holdout) -> Holdout:
    expected = {"logits": samples.expected["logits"][:, :3]}
    return Holdout(samples.inputs, expected, samples.tolerances)


def _nan(samples: Holdout) -> Holdout:
    expected = {"logits": samples.expected["logits"] * np.float32("nan")}
    return Holdout(samples.inputs, expected, samples.tolerances)


def _no_tolerance(samples: Holdout) -> Holdout:
    return Holdout(samples.inputs, samples.expected, {})


def _other_tolerance(samples: Holdout) -> Holdout:
    return Holdout(samples.inputs, samples.expected, {VARIANT: Tolerance(max_abs=9.0)})


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
    "no_tolerance": (lambda f: change_holdout(f, _no_tolerance), PackageError, "tolerance"),
    "other_tolerance": (lambda f: change_holdout(f, _other_tolerance), PackageError, "tolerance"),
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
