"""The verifier's checks, each test named by the number in its docstring."""

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml import digests, documents, trust
from edgeml.errors import EdgemlError, FetchError, VerificationError
from edgeml.limits import LIMITS
from edgeml.manifest import File, Manifest, Requirement, Variant
from edgeml.release import Release
from edgeml.trust import Trusted, Verifier


def file(path: str, data: bytes = b"bytes") -> File:
    digest = digests.sha256(data)
    return File(path=path, sha256=digest, size=len(data), blobs=(digest,))


MANIFEST = Manifest(
    name="digits",
    version="2",
    blob_bytes=1000,
    contract=file("contract.json"),
    holdout=file("holdout.npz"),
    variants=(
        Variant(
            id="onnx-fp32",
            format="onnx",
            precision="fp32",
            entry="variants/onnx-fp32/model.onnx",
            files=(file("variants/onnx-fp32/model.onnx"),),
            inputs={"x": "x"},
            outputs={"y": "y"},
            requires=(Requirement(engine="onnxruntime", version="1.20"),),
        ),
    ),
    reports=(),
    provenance=file("provenance.json"),
)


def release_of(manifest: bytes, **changes: object) -> Release:
    sound = Release(
        fleet="f",
        model="digits",
        channel="stable",
        generation=7,
        version="2",
        manifest_sha256=digests.sha256(manifest),
    )
    return msgspec.structs.replace(sound, **changes)


DATA = documents.encode(MANIFEST)
RELEASE = release_of(DATA)


def verifier() -> Verifier:
    return Verifier("f", "digits", "stable")


NOTHING = Trusted()


def refuses(number: int) -> "pytest.RaisesExc[EdgemlError]":
    """By whose fault: bytes that are not those of their digest are the road's."""
    kind = FetchError if number in (4, 7) else VerificationError
    return pytest.raises(kind, match=rf"^\({number}\) ")


def trusted(manifest: Manifest, **changes: object) -> Manifest:
    data = documents.encode(manifest)
    return verifier().manifest(data, release_of(data, **changes))


def test_0_every_check_of_the_docstring_has_a_test() -> None:
    numbers = re.findall(r"^- \((\d)\)", trust.__doc__ or "", re.MULTILINE)
    tested = {name[5] for name in globals() if re.match(r"test_[1-9]_", name)}
    assert numbers == [str(n) for n in range(1, 9)]
    assert tested == set(numbers)


def test_0_what_is_sound_is_trusted() -> None:
    check = verifier()
    assert check.release(documents.encode(RELEASE), NOTHING) == RELEASE
    assert check.manifest(DATA, RELEASE) == MANIFEST
    assert check.blob(b"bytes", digests.sha256(b"bytes")) == b"bytes"
    check.file(5, digests.sha256(b"bytes"), MANIFEST.contract)


def test_1_a_release_is_small() -> None:
    data = documents.encode(RELEASE)
    largest = data + b" " * (LIMITS.release_max_bytes - len(data))
    assert verifier().release(largest, NOTHING) == RELEASE
    with refuses(1):
        verifier().release(largest + b" ", NOTHING)


@pytest.mark.parametrize(
    "changes",
    [
        {"manifest_sha256": "/home/somebody"}, {"manifest_sha256": ""},
        {"manifest_sha256": "../.."}, {"manifest_sha256": "A" * 64}, {"version": "../2"},
        {"version": ""}, {"generation": -1}, {"generation": 1 << 63},
    ],
)  # fmt: skip
def test_1_a_release_names_nothing_that_could_be_a_path(changes: dict[str, object]) -> None:
    with refuses(1):
        verifier().release(documents.encode(release_of(DATA, **changes)), NOTHING)


@given(st.binary(max_size=100))
def test_1_a_release_is_well_formed(data: bytes) -> None:
    with refuses(1):
        verifier().release(data, NOTHING)


@pytest.mark.parametrize("change", [{"schema": 2}, {"more": 1}, {"generation": "7"}])
def test_1_a_release_is_of_a_known_schema(change: dict[str, object]) -> None:
    plain = {**json.loads(documents.encode(RELEASE)), **change}
    with refuses(1):
        verifier().release(json.dumps(plain).encode(), NOTHING)


@pytest.mark.parametrize("field", ["fleet", "model", "channel"])
def test_2_a_release_is_what_was_asked_for(field: str) -> None:
    with refuses(2):
        verifier().release(documents.encode(release_of(DATA, **{field: "other"})), NOTHING)


@given(st.lists(st.integers(0, 20), min_size=1))
def test_3_generations_never_go_back(generations: list[int]) -> None:
    trusted = NOTHING
    for generation in generations:
        data = documents.encode(release_of(DATA, generation=generation))
        if generation < trusted.generation:
            with refuses(3):
                verifier().release(data, trusted)
        else:
            release = verifier().release(data, trusted)
            trusted = trusted.after(release)
            assert trusted.generation == generation


def test_3_the_known_generation_is_welcome_again_and_no_other_of_its_number() -> None:
    trusted = NOTHING.after(RELEASE)
    spaced = json.dumps(json.loads(documents.encode(RELEASE)), indent=2).encode()
    assert verifier().release(spaced, trusted) == RELEASE
    for change in ({"version": "3"}, {"manifest_sha256": "0" * 64}):
        with refuses(3):
            verifier().release(documents.encode(release_of(DATA, **change)), trusted)
    newer = release_of(DATA, generation=8)
    with refuses(3):
        verifier().release(documents.encode(RELEASE), trusted.after(newer))


def test_4_a_manifest_is_small() -> None:
    data = DATA + b" " * (LIMITS.manifest_max_bytes - len(DATA))
    assert verifier().manifest(data, release_of(data)) == MANIFEST
    with refuses(4):
        verifier().manifest(data + b" ", release_of(data + b" "))


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_4_a_manifest_is_the_one_that_the_release_names(position: int, flip: int) -> None:
    data = bytearray(DATA)
    data[position] ^= flip
    with refuses(4):
        verifier().manifest(bytes(data), RELEASE)


@given(st.binary(max_size=100))
def test_5_a_manifest_is_well_formed(data: bytes) -> None:
    with refuses(5):
        verifier().manifest(data, release_of(data))


def test_5_a_manifest_is_of_a_known_schema() -> None:
    with refuses(5):
        trusted(msgspec.structs.replace(MANIFEST, schema=2))


@pytest.mark.parametrize("change", [{"name": "other"}, {"version": "3"}])
def test_5_a_manifest_is_of_the_releases_model_and_version(change: dict[str, str]) -> None:
    with refuses(5):
        trusted(msgspec.structs.replace(MANIFEST, **change))


@pytest.mark.parametrize(
    "change",
    [
        {"holdout": file("../../etc/cron.d/x")},
        {"holdout": msgspec.structs.replace(file("holdout.npz"), size=10**12)},
        {"blob_bytes": LIMITS.blob_bytes_max + 1},
        {"variants": ()},
    ],
    ids=["path_that_climbs", "size_that_lies", "blobs_too_large", "no_variant"],
)
def test_6_paths_sizes_and_blob_counts_are_sane(change: dict[str, object]) -> None:
    with refuses(6):
        trusted(msgspec.structs.replace(MANIFEST, **change))


@given(st.binary(max_size=50), st.binary(max_size=50))
def test_7_a_blob_is_its_address(data: bytes, other: bytes) -> None:
    address = digests.sha256(data)
    if data == other:
        assert verifier().blob(other, address) == data
    else:
        with refuses(7):
            verifier().blob(other, address)


@pytest.mark.parametrize(("size", "data"), [(4, b"bytes"), (6, b"bytes"), (5, b"bites")])
def test_8_a_file_is_what_the_manifest_promises(size: int, data: bytes) -> None:
    with refuses(8):
        verifier().file(size, digests.sha256(data), MANIFEST.contract)
