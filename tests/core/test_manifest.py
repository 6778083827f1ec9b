"""A manifest from a stranger: what in it would be dangerous is a fault."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml import digests
from edgeml.manifest import File, Manifest, Requirement, Variant

BLOB = 10


def file(path: str, size: int = 25) -> File:
    blobs = tuple(digests.sha256(f"{path}{i}".encode()) for i in range(-(-size // BLOB)))
    whole = blobs[0] if len(blobs) == 1 else digests.sha256(path.encode())
    return File(path=path, sha256=whole, size=size, blobs=blobs)


def variant(id: str = "onnx-fp32", *files: File, entry: str = "") -> Variant:
    files = files or (file(f"variants/{id}/model.onnx"),)
    return Variant(
        id=id,
        format="onnx",
        precision="fp32",
        entry=entry or files[0].path,
        files=files,
        inputs={},
        outputs={},
        requires=(Requirement(engine="onnxruntime", version="1"),),
    )


def manifest(**changes: Any) -> Manifest:
    sound = Manifest(
        name="digits",
        version="1.0",
        blob_bytes=BLOB,
        contract=file("contract.json", 5),
        holdout=file("holdout.npz"),
        variants=(variant(),),
        reports=(file("reports/conversion.json"),),
        provenance=file("provenance.json"),
    )
    return msgspec.structs.replace(sound, **changes)


def test_a_sound_manifest_has_no_fault() -> None:
    assert manifest().fault() is None


PATHS = [
    "", ".", "..", "../x", "/etc/passwd", "a/../b", "a/./b", "a//b", "a/", "/", "a\\b", "..\\x",
    "C:\\x", "C:/x", "a\0b", "a\nb", "~/x", ".hidden", "a/.hidden", "-flag", "a b", "é", "a" * 65,
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_a_path_that_is_not_of_plain_names(path: str) -> None:
    assert manifest(holdout=file(path)).fault() == f"the path {path!r} is not one of plain names"


@given(st.text(max_size=30))
def test_no_path_without_fault_leaves_the_folder(path: str) -> None:
    path = f"reports/{path}"
    if manifest(reports=(file(path),)).fault() is None:
        assert all(part and part[0].isalnum() for part in path.split("/"))
        assert "\\" not in path and path.isascii() and path.isprintable()


@given(st.integers(-5, 60), st.integers(0, 8))
def test_blobs_follow_from_size(size: int, blobs: int) -> None:
    digest = digests.sha256(b"")
    odd = File(path="holdout.npz", sha256=digest, size=size, blobs=(digest,) * blobs)
    allowed = size >= 1 and (blobs - 1) * BLOB < size <= blobs * BLOB
    assert (manifest(holdout=odd).fault() is None) == allowed


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "contract_elsewhere": ({"contract": file("c.json")}, "not in its place, contract.json"),
    "holdout_elsewhere": ({"holdout": file("prepared")}, "not in its place, holdout.npz"),
    "provenance_elsewhere": ({"provenance": file("p")}, "not in its place, provenance.json"),
    "report_elsewhere": ({"reports": (file("r.json"),)}, "not in its folder, reports/"),
    "variant_of_another_id": (
        {"variants": (variant("a", file("variants/b/model.onnx")),)},
        "not in its folder, variants/a/",
    ),
    "no_variant": ({"variants": ()}, "no variant"),
    "two_variants_of_one_id": ({"variants": (variant(), variant())}, "two variants share one id"),
    "variant_id_with_slash": ({"variants": (variant("a/b"),)}, "variant id 'a/b'"),
    "name_with_topic_level": ({"name": "a/b"}, "name 'a/b' is not a plain name"),
    "name_with_wildcard": ({"name": "#"}, "name '#' is not a plain name"),
    "version_that_climbs": ({"version": ".."}, "version '..' is not a plain name"),
    "version_empty": ({"version": ""}, "version '' is not a plain name"),
    "blob_bytes_zero": ({"blob_bytes": 0}, "blob size"),
    "blob_bytes_negative": ({"blob_bytes": -1}, "blob size"),
    "one_path_twice": ({"reports": (file("holdout.npz"),)}, "two files share one path"),
    "one_path_in_two_cases": ({"reports": (file("HOLDOUT.npz"),)}, "two files share one path"),
    "the_manifest_itself": ({"holdout": file("manifest.json")}, "two files share one path"),
    "a_file_inside_a_file": ({"reports": (file("holdout.npz/x"),)}, "a folder of another file"),
    "entry_elsewhere": (
        {"variants": (variant("v", file("v/a"), entry="contract.json"),)},
        "which is not one of its files",
    ),
    "one_blob_of_another_digest": (
        {"contract": msgspec.structs.replace(file("contract.json", 5), sha256="0" * 64)},
        "is one blob, but their digests differ",
    ),
    "digest_that_climbs": (
        {"holdout": msgspec.structs.replace(file("holdout.npz"), sha256="../" * 21 + "x")},
        "not 64 lower-case hex digits",
    ),
    "blob_with_wildcard": (
        {"holdout": msgspec.structs.replace(file("holdout.npz"), blobs=("+", "#", "x"))},
        "not 64 lower-case hex digits",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(fault: str) -> None:
    changes, sentence = FAULTS[fault]
    found = manifest(**changes).fault()
    assert found is not None and sentence in found


def test_a_device_needs_its_variant_alone() -> None:
    two = manifest(variants=(variant("a"), variant("b")))
    needed = {f.path for f in two.files_for(two.variants[0])}
    assert needed == {"contract.json", "holdout.npz", "variants/a/model.onnx"}
    assert needed < {f.path for f in two.files()}
    assert two.fault() is None
