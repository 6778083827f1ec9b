"""Staging in its real child on ONNX Runtime: what is right passes, what lies is refused."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from edgeml import digests, documents, holdout
from edgeml.contract import Contract, Tensor
from edgeml.errors import ContractError, EdgemlError, EngineError, HoldoutError, StageError
from edgeml.manifest import Variant
from edgeml_runtime import child
from edgeml_runtime.engines.base import TensorSpec
from edgeml_runtime.serving.live import Identity
from edgeml_runtime.store.opened import Opened
from edgeml_runtime.store.record import Staged
from edgeml_runtime.swap import stage as stages
from edgeml_runtime.swap.loader import load
from edgeml_runtime.swap.stage import check_signature, stage
from tests.flow.conversions import package
from tests.runtime_doubles import FakeEngine, MemoryLink, Rig, release_of, wide

LIMITS = child.Limits(60.0, 4 << 30)


def opened(tmp_path: Path, damaged: bool = False) -> Opened:
    """A package on disk as `verify` leaves it."""
    device = Rig(tmp_path / "store", MemoryLink())
    path = package(tmp_path, 2, damaged=damaged)
    manifest = device.link.offer(path)
    release = release_of(path, 1)
    assert device.swap.take(release)
    device.store.close()
    return Opened(device.store.package(release.manifest_sha256), manifest, manifest.variants[0])


def staged(it: Opened, limits: child.Limits = LIMITS) -> Staged | None:
    return stage(it, "onnxruntime", limits, lambda: False)


def test_a_good_package_is_prepared_and_loads(tmp_path: Path) -> None:
    it = opened(tmp_path)
    found = staged(it)
    assert found is not None and found.entry in found.files
    identity = Identity("tiny", "2", 1, "0" * 64, "onnx-fp32", "onnxruntime")
    loaded = load(identity, it.contract(), it.variant, it.folder / found.entry, it.holdout())
    samples = it.holdout()
    assert loaded.engine.run(samples.inputs)["logits"].argmax(axis=1).tolist() == [2] * 16


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HoldoutError, match="holdout does not come out"):
        staged(opened(tmp_path, damaged=True))


def test_nan_weights_are_refused(tmp_path: Path) -> None:
    it = opened(tmp_path)
    proto = onnx.load(it.entry)
    weights = numpy_helper.to_array(proto.graph.initializer[0])
    proto.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights * np.float32("nan"), "w1"))
    onnx.save(proto, it.entry)
    with pytest.raises(HoldoutError, match="NaN"):
        staged(it)


def test_a_wrong_holdout_is_refused(tmp_path: Path) -> None:
    it = opened(tmp_path)
    right = it.holdout()
    wrong = {name: array + 1000 for name, array in right.expected.items()}
    lying = replace(right, expected=wrong)
    (it.folder / it.manifest.holdout.path).write_bytes(holdout.encode(lying))
    with pytest.raises(HoldoutError, match=r"'logits' has channel . at .* dB"):
        staged(it)


def test_a_contract_that_is_not_the_files_is_refused(tmp_path: Path) -> None:
    it = opened(tmp_path)
    contract = it.contract()
    other = Contract(
        inputs=(Tensor(name="x", dtype="float32", shape=("batch", 99)),), outputs=contract.outputs
    )
    (it.folder / it.manifest.contract.path).write_bytes(documents.encode(other))
    with pytest.raises(ContractError, match="'x'"):
        staged(it)


def test_bytes_that_are_no_model_are_refused(tmp_path: Path) -> None:
    it = opened(tmp_path)
    it.entry.write_bytes(b"no model at all")
    with pytest.raises(EngineError, match="refused"):
        staged(it)


@pytest.mark.parametrize("mebibytes", [16, 24])
def test_too_little_memory_is_said(tmp_path: Path, mebibytes: int) -> None:
    """At the import of the engine and after it; a processor of one core needs 32 MiB in all."""
    with pytest.raises(StageError, match=f"needed more than the {mebibytes} MiB of memory"):
        staged(opened(tmp_path), child.Limits(60.0, mebibytes << 20))


def test_too_little_time_is_said(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="longer than"):
        staged(opened(tmp_path), child.Limits(0.05, 4 << 30))


LYING = """
import os, sys
from pathlib import Path
from edgeml_runtime import child
(folder, variant, engine, into), _, fd = child.enter(sys.argv[1:])
into = Path(into)
into.mkdir(parents=True)
(into / "model").write_bytes(b"made")
inside = str((into / "model").relative_to(folder))
"""


@pytest.mark.parametrize(
    ("does", "entry"),
    [
        ("", "'/etc/passwd'"),
        ("", "'../../state.json'"),
        ("", "'manifest.json'"),
        ("", "inside.replace('/model', '/../../manifest.json')"),
        ("(into / 'link').symlink_to('/etc/passwd')", "inside.replace('model', 'link')"),
        ("(into / 'link').symlink_to('/etc/passwd')", "inside"),
        ("into.rename(into.parent / 'x'); into.symlink_to(into.parent / 'x')", "inside"),
    ],
)
def test_what_the_child_says_of_files_is_not_believed(
    does: str, entry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EngineError, match="left no model where it was told to"):
        _staged_by(f"{LYING}{does}\n_answer = {{'entry': {entry}}}", tmp_path, monkeypatch)


def test_what_the_child_left_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _staged_by(f"{LYING}_answer = {{'entry': inside}}", tmp_path, monkeypatch)
    assert found is not None
    assert found.files == {found.entry: digests.sha256(b"made")}


@pytest.mark.parametrize("kind", ["InputError", "BrokerError", "SystemExit", "os", "", "Exception"])
def test_an_error_that_staging_cannot_have_is_the_engines(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = f"_answer = {{'error': {kind!r}, 'message': 'm'}}"
    with pytest.raises(EngineError, match=r"^m( It was proven on .*)?$"):
        _staged_by(LYING + answer, tmp_path, monkeypatch)


def test_a_refusal_says_where_the_version_was_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def older(_engine: str) -> str:
        return "0.1"

    monkeypatch.setattr(stages, "version_of", older)
    with pytest.raises(EngineError, match=r"^m It was proven on onnxruntime .*, here is 0\.1\.$"):
        _staged_by(
            f"{LYING}_answer = {{'error': 'EngineError', 'message': 'm'}}", tmp_path, monkeypatch
        )


def _staged_by(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staged | None:
    """Staging whose child runs `code`, which sets `_answer`."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "lying.py").write_text(
        f"{code}\nimport json\nos.write(fd, json.dumps(_answer).encode())"
    )
    found = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "modules"), found]))
    monkeypatch.setattr(stages, "JOB", replace(stages.JOB, module="lying"))
    return staged(opened(tmp_path))


@pytest.mark.parametrize(
    ("shape", "batch", "fits"),
    [((-1, 4), None, True), ((1, 4), 1, True), ((1, 4), None, True),
     ((-1, 5), None, False), ((1, 5), 1, False), ((4,), None, False), ((-1, -1), None, True)],
)  # fmt: skip
def test_the_signature_is_that_of_the_contract(
    shape: tuple[int, ...], batch: int | None, fits: bool, tmp_path: Path
) -> None:
    engine = FakeEngine(Path(__file__))
    engine.signature = type(engine.signature)(
        (TensorSpec("x", "float32", shape),), engine.signature.outputs
    )
    variant = Variant(
        id="v", format="onnx", precision="fp32", entry="e", files=(), inputs={}, outputs={},
        requires=(), batch=batch,
    )  # fmt: skip
    error: EdgemlError | None = None
    try:
        check_signature(engine, wide(4), variant)
    except ContractError as refused:
        error = refused
    assert (error is None) == fits
