"""`edgeml package`: from a conversion's folder to one file."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from edgeml import documents
from edgeml.contract import Contract
from edgeml.conversion import ConversionReport, EngineParity
from edgeml.errors import InputError, ParityError, StorageError, UndecidedError
from edgeml.faults import Fault, Finding
from edgeml.inspection import inspect
from edgeml.manifest import Optimisation
from edgeml.package import Package
from edgeml.packing import pack, requirements
from edgeml.parity.answers import Answer
from tests.core.changes import change_holdout, change_report
from tests.flow.conversions import VARIANT


def with_failed_variant(report: ConversionReport) -> ConversionReport:
    failed = msgspec.structs.replace(report.variants[0], id="a-failed", answer="differs")
    return msgspec.structs.replace(report, variants=(failed, *report.variants))


def failed_alone(report: ConversionReport) -> ConversionReport:
    return msgspec.structs.replace(report, variants=with_failed_variant(report).variants[:1])


def test_what_is_packed(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "digits-1.edgeml"
    sha256 = pack(folder, "digits", "1", target, blob_bytes=1000)
    with Package(target) as package:
        package.verify()
        assert package.sha256 == sha256
        manifest = package.manifest
        assert (manifest.name, manifest.version, manifest.blob_bytes) == ("digits", "1", 1000)
        (variant,) = manifest.variants
        assert variant.id == VARIANT
        assert [r.engine for r in variant.requires] == ["onnxruntime"]
        assert package.read(variant.files[0]) == (folder / VARIANT / "model.onnx").read_bytes()
        contract = package.contract()
        samples = package.holdout()
        contract.check_inputs(samples.inputs)
        contract.check_outputs(samples.expected)
        assert samples.noise.keys() == {(VARIANT, "onnxruntime")}
    paths = {file.path for file in manifest.files()}
    assert paths == {
        "contract.json",
        "holdout.npz",
        "variants/onnx-fp32/model.onnx",
        "reports/conversion.json",
        "provenance.json",
    }


def test_the_same_bytes_from_two_folders_in_two_processes(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere" / "deep"
    shutil.copytree(folder, moved)
    code = (
        "import sys; from pathlib import Path; from edgeml.packing import pack; "
        "pack(Path(sys.argv[1]), 'digits', '1', Path(sys.argv[2]))"
    )
    made: list[bytes] = []
    for seed, source in (("1", folder), ("2", moved)):
        target = source / "out.edgeml"
        subprocess.run(
            [sys.executable, "-c", code, source, target],
            check=True,
            env={"PYTHONHASHSEED": seed, "TZ": f"UTC+{seed}"},
        )
        made.append(target.read_bytes())
    assert made[0] == made[1]
    assert str(tmp_path).encode() not in made[0]


def test_a_failed_variant_is_refused_or_left_out(folder: Path, tmp_path: Path) -> None:
    change_report(folder, with_failed_variant)
    target = tmp_path / "x.edgeml"
    with pytest.raises(ParityError, match=r"parity: a-failed did not pass; .*--passed-only"):
        pack(folder, "digits", "1", target)
    assert not target.exists()
    pack(folder, "digits", "1", target, passed_only=True)
    with Package(target) as package:
        assert [variant.id for variant in package.manifest.variants] == [VARIANT]
    found = inspect(target).conversion
    assert found is not None and len(found.variants) == 2  # the report tells all


def test_of_an_open_variant_it_is_said_that_it_cannot_be_told_yet(
    folder: Path, tmp_path: Path
) -> None:
    def with_open(report: ConversionReport) -> ConversionReport:
        variant = msgspec.structs.replace(report.variants[0], id="open", answer="cannot tell")
        return msgspec.structs.replace(report, variants=(*report.variants, variant))

    change_report(folder, with_open)
    target = tmp_path / "x.edgeml"
    with pytest.raises(UndecidedError, match=r"parity: open cannot be told yet \(the report"):
        pack(folder, "digits", "1", target)
    change_report(folder, with_failed_variant)
    with pytest.raises(ParityError, match="a-failed did not pass and open cannot be told yet"):
        pack(folder, "digits", "1", target)
    pack(folder, "digits", "1", target, passed_only=True)


@pytest.mark.parametrize("passed_only", [False, True])
def test_nothing_passed(folder: Path, tmp_path: Path, passed_only: bool) -> None:
    change_report(folder, failed_alone)
    with pytest.raises(ParityError, match="No variant of by hand passed parity"):
        pack(folder, "digits", "1", tmp_path / "x.edgeml", passed_only=passed_only)


@pytest.mark.parametrize(
    ("name", "version", "blob_bytes"),
    [("a/b", "1", 1000), ("digits", "../1", 1000), ("digits", "1", 0), ("digits", "1", 1 << 21)],
)
def test_bad_arguments(
    folder: Path, tmp_path: Path, name: str, version: str, blob_bytes: int
) -> None:
    with pytest.raises(InputError):
        pack(folder, name, version, tmp_path / "x.edgeml", blob_bytes=blob_bytes)


def test_a_target_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="could not be written"):
        pack(folder, "digits", "1", tmp_path / "file" / "x.edgeml")


def test_the_inspection_is_one_document(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "digits-1.edgeml"
    sha256 = pack(folder, "digits", "1", target)
    found = inspect(target)
    assert (found.file, found.size) == (target.name, target.stat().st_size)
    assert found.manifest_sha256 == sha256
    assert (found.holdout.samples, found.holdout.labels) == (16, False)
    (test,) = found.holdout.tests
    assert (test.variant, test.engine, test.output) == (VARIANT, "onnxruntime", "logits")
    assert test.channels == 10 and test.limit_db == pytest.approx(test.expected_db - 10)
    contract = (folder / "contract.json").read_bytes()
    assert found.contract == documents.decode(contract, Contract, "it")
    assert documents.decode(documents.encode(found), type(found), "it") == found


def _answer(passed: bool) -> Answer:
    return "same" if passed else "differs"


def rows(*levels: tuple[str, Optimisation, bool]) -> tuple[EngineParity, ...]:
    return tuple(
        EngineParity(
            engine=engine, version="1", optimisation=level, outputs=(), answer=_answer(passed)
        )
        for engine, level, passed in levels
    )


def test_what_a_variant_requires_is_what_agreed_at_the_highest_level(folder: Path) -> None:
    engines = rows(
        ("onnxruntime", "all", False),
        ("onnxruntime", "extended", True),
        ("onnxruntime", "basic", True),
        ("litert", "all", True),
        ("tflite", "all", True),
        ("other", "all", False),
    )
    finding = Finding(
        fault=Fault.PER_CHANNEL_DYNAMIC_FC, severity="error", message="", engines=("tflite",)
    )
    report = documents.decode((folder / "report.json").read_bytes(), ConversionReport, "it")
    variant = msgspec.structs.replace(report.variants[0], engines=engines, findings=(finding,))
    found = [(r.engine, r.optimisation) for r in requirements(variant)]
    assert found == [("onnxruntime", "extended"), ("litert", "all")]


def test_variants_keep_the_order_in_which_they_were_asked_for(folder: Path, tmp_path: Path) -> None:
    def two(report: ConversionReport) -> ConversionReport:
        (first,) = report.variants
        files = ("onnx-a/model.onnx",)
        sha256 = dict.fromkeys(files, next(iter(first.sha256.values())))
        second = msgspec.structs.replace(
            first, id="onnx-a", files=files, entry=files[0], sha256=sha256
        )
        return msgspec.structs.replace(report, variants=(first, second))

    shutil.copytree(folder / VARIANT, folder / "onnx-a")
    change_report(folder, two)
    change_holdout(
        folder,
        lambda kept: replace(
            kept,
            noise={
                (variant, "onnxruntime"): kept.noise[VARIANT, "onnxruntime"]
                for variant in (VARIANT, "onnx-a")
            },
        ),
    )
    pack(folder, "digits", "1", tmp_path / "x.edgeml")
    with Package(tmp_path / "x.edgeml") as package:
        assert [variant.id for variant in package.manifest.variants] == [VARIANT, "onnx-a"]


def test_a_file_that_was_changed_after_parity_is_not_packed(folder: Path, tmp_path: Path) -> None:
    file = folder / VARIANT / "model.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(ParityError, match="was changed after its parity was shown"):
        pack(folder, "digits", "1", tmp_path / "x.edgeml")
    assert not (tmp_path / "x.edgeml").exists()
