"""One canonical form: what is encoded comes back, and nothing else is let in."""

import json
import math
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml import documents
from edgeml.contract import Contract, Tensor
from edgeml.documents import Open, Strict
from edgeml.errors import PackageError, VerificationError
from edgeml.manifest import File, Manifest, Optimisation, Precision, Requirement, Variant
from edgeml.release import Release
from edgeml.telemetry import Event, ModelState, State

text = st.text(max_size=20)
floats = st.floats(allow_nan=False, allow_infinity=False)
tensors = st.builds(
    Tensor,
    name=text,
    dtype=text,
    shape=st.lists(st.integers(0, 2**31) | text, max_size=4).map(tuple),
    range=st.none() | st.tuples(floats, floats),
    nan=st.sampled_from(["refuse", "allow"]),
)
contracts = st.builds(
    Contract,
    inputs=st.lists(tensors, max_size=3).map(tuple),
    outputs=st.lists(tensors, max_size=3).map(tuple),
    schema=st.just(1),
)
files = st.builds(
    File, path=text, sha256=text, size=st.integers(0, 2**60), blobs=st.lists(text).map(tuple)
)
variants = st.builds(
    Variant,
    id=text,
    format=st.sampled_from(["onnx", "tflite"]),
    precision=st.sampled_from(get_args(Precision)),
    entry=text,
    files=st.lists(files, max_size=2).map(tuple),
    inputs=st.dictionaries(text, text, max_size=3),
    outputs=st.dictionaries(text, text, max_size=3),
    requires=st.lists(
        st.builds(
            Requirement,
            engine=text,
            version=text,
            optimisation=st.sampled_from(get_args(Optimisation)),
        ),
        max_size=2,
    ).map(tuple),
    batch=st.none() | st.integers(1, 64),
)
manifests = st.builds(
    Manifest,
    name=text,
    version=text,
    blob_bytes=st.integers(1, 2**20),
    contract=files,
    holdout=files,
    variants=st.lists(variants, max_size=2).map(tuple),
    reports=st.lists(files, max_size=2).map(tuple),
    provenance=files,
    schema=st.just(1),
)
releases = st.builds(
    Release,
    fleet=text, model=text, channel=text, generation=st.integers(0, 2**53), version=text,
    manifest_sha256=text, schema=st.just(1),
)  # fmt: skip
states = st.builds(
    State,
    device=text, boot=text, sequence=st.integers(0, 2**53), time_ms=st.integers(0, 2**53),
    online=st.booleans(), report_seconds=st.none() | floats,
    models=st.lists(
        st.builds(
            ModelState, model=text, channel=text, generation=st.integers(0, 2**53),
            version=st.none() | text,
        ),
        max_size=2,
    ).map(tuple),
    schema=st.just(1),
)  # fmt: skip
events = st.builds(
    Event,
    device=text, boot=text, sequence=st.integers(0, 2**53), time_ms=st.integers(0, 2**53),
    kind=st.sampled_from(["swapped", "rejected"]), model=text, message=text,
    duration_ms=st.none() | floats, schema=st.just(1),
)  # fmt: skip
anything = contracts | manifests | releases | states | events


@given(anything)
def test_a_document_comes_back(document: msgspec.Struct) -> None:
    data = documents.encode(document)
    assert documents.decode(data, type(document), "it") == document
    assert documents.decode(documents.encode_pretty(document).encode(), type(document), "it") == (
        document
    )


@given(manifests)
def test_canonical(manifest: Manifest) -> None:
    """Sorted keys, no white space, UTF-8: the same as Python's own canonical JSON of it."""
    data = documents.encode(manifest)
    plain = json.loads(data)
    assert json.loads(json.dumps(plain)) == plain
    form = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert data.decode() == form
    again = documents.decode(data, Manifest, "it")
    assert documents.encode(again) == data


@pytest.mark.parametrize("kind", [Contract, Manifest, Release, File, Variant])
def test_documents_that_steer_a_device_reject_unknown_fields(kind: type[Strict]) -> None:
    assert issubclass(kind, Strict)


@given(releases, text)
def test_strict_rejects_an_unknown_field(release: Release, name: str) -> None:
    plain = json.loads(documents.encode(release))
    known = name in plain
    plain[name] = plain.get(name, 1)
    data = json.dumps(plain).encode()
    if known:
        assert documents.decode(data, Release, "it") == release
    else:
        with pytest.raises(VerificationError, match="unknown field"):
            documents.decode(data, Release, "it")


@pytest.mark.parametrize("kind", [State, Event])
def test_telemetry_is_open(kind: type[Open]) -> None:
    assert issubclass(kind, Open)


@given(states, text, st.integers())
def test_open_ignores_an_unknown_field(state: State, name: str, value: int) -> None:
    plain = json.loads(documents.encode(state))
    plain = {f"new {name}": value, **plain}
    assert documents.decode(json.dumps(plain).encode(), State, "it") == state


@given(st.integers(-(2**60), 2**60).filter(lambda n: n != documents.SCHEMA))
def test_another_schema_is_refused_by_the_callers_error(schema: int) -> None:
    data = json.dumps({"inputs": [], "outputs": [], "schema": schema}).encode()
    with pytest.raises(PackageError, match=rf"contract\.json has schema {schema} but"):
        documents.decode(data, Contract, "contract.json", PackageError)


@given(st.binary(max_size=200))
def test_bytes_are_a_document_or_a_verification_error(data: bytes) -> None:
    with pytest.raises(VerificationError, match="it is not a release of schema 1"):
        documents.decode(data, Release, "it")


@pytest.mark.parametrize("data", [b'{"\xe2":1}', b'{"fleet":"\xff"}', b"\xff"])
def test_what_is_not_utf8_is_a_verification_error(data: bytes) -> None:
    with pytest.raises(VerificationError, match="it is not a release of schema 1"):
        documents.decode(data, Release, "it")


def test_nesting_without_end_is_an_error() -> None:
    with pytest.raises(VerificationError):
        documents.decode(b'{"inputs":' + b"[" * 200_000, Contract, "it")


def test_nan_has_no_form() -> None:
    """NaN becomes null, which no field for a number takes."""
    tensor = Tensor(name="x", dtype="float32", shape=(), range=(math.nan, 1.0))
    data = documents.encode(Contract(inputs=(tensor,), outputs=()))
    assert b"null" in data
    with pytest.raises(VerificationError):
        documents.decode(data, Contract, "it")
