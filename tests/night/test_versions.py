"""Documents of another version of edgeml: a daemon that was put back keeps its model and what it
trusts, an old monitor understands a new device, and what steers a device is obeyed only if it is
understood."""

import json
from pathlib import Path
from typing import Any

import pytest

from edgeml import documents
from edgeml.contract import Contract
from edgeml.documents import SCHEMA
from edgeml.errors import VerificationError
from edgeml.manifest import Manifest
from edgeml.release import Release
from edgeml.telemetry import Event, State
from edgeml.trust import Verifier
from edgeml_runtime.store.disk import Store
from edgeml_runtime.store.record import Record
from edgeml_runtime.swap.boot import Left, boot
from tests.runtime_doubles import CHANNEL, FLEET, MODEL, MemoryLink, Rig, fake_load, package
from tests.runtime_doubles import release_of as release


@pytest.fixture
def device(tmp_path: Path) -> Rig:
    """On version 2 after 1, with version 3 refused."""
    link = MemoryLink()
    device = Rig(tmp_path / "store", link)
    for version in "12":
        path = package(tmp_path, version)
        link.offer(path)
        assert device.swap.take(release(path, int(version)))
    refused = package(tmp_path, "3")
    device.refusals.note(release(refused, 3), VerificationError("It is wrong."))
    device.store.save(
        refused=device.refusals.known,
        trusted=device.store.record.trusted.after(release(refused, 3)),
    )
    device.store.close()
    return device


def _newer(value: Any) -> Any:
    """As a version of edgeml writes it that knows more of everything."""
    if isinstance(value, list):
        return [_newer(of) for of in value]
    if not isinstance(value, dict):
        return value
    known = {key: _newer(of) for key, of in value.items()}
    if "schema" in known:
        known["schema"] += 1
    a_map = all(isinstance(of, str) and len(of) == 64 for of in value.values())  # of digests
    return known if a_map else {**known, "of a newer version": [1]}


def test_a_daemon_that_was_put_back_keeps_its_model_and_what_it_trusts(device: Rig) -> None:
    state = device.store.folder / "state.json"
    before = device.store.record
    state.write_text(json.dumps(_newer(json.loads(state.read_bytes()))))
    again = Rig(device.store.folder, device.link)
    assert again.store.damage is None
    found = again.store.record
    assert (found.active, found.previous, found.trusted) == (
        before.active, before.previous, before.trusted,
    )  # fmt: skip
    assert found.refused == before.refused
    assert boot(again.slot, fake_load) is Left.NOTHING and again.version == "2"
    older = release_bytes(2)
    with pytest.raises(VerificationError, match=r"^\(3\)"):
        Verifier(FLEET, MODEL, CHANNEL).release(older, again.store.record.trusted)
    again.store.close()


def release_bytes(generation: int) -> bytes:
    return documents.encode(
        Release(
            fleet=FLEET, model=MODEL, channel=CHANNEL, generation=generation, version="9",
            manifest_sha256="0" * 64,
        )
    )  # fmt: skip


def test_a_state_of_a_far_newer_version_is_put_aside_and_not_lost(device: Rig) -> None:
    state = device.store.folder / "state.json"
    (device.store.folder / "state.json.copy").unlink()
    plain = json.loads(state.read_bytes()) | {"schema": SCHEMA + 2}
    state.write_text(json.dumps(plain))
    store = Store(device.store.folder)
    assert store.damage is not None and store.record.active is None
    aside = json.loads((device.store.folder / "state.json.damaged").read_bytes())
    assert aside == plain
    store.close()


@pytest.mark.parametrize("kind", [Release, Manifest, Contract])
def test_what_steers_a_device_is_obeyed_only_if_it_is_understood(kind: type) -> None:
    with pytest.raises(VerificationError, match=f"reads schema {SCHEMA}; upgrade"):
        documents.check_schema(kind, SCHEMA + 1, "It", VerificationError)
    documents.check_schema(kind, SCHEMA, "It", VerificationError)


@pytest.mark.parametrize("kind", [State, Event, Record])
def test_what_is_only_said_or_kept_may_be_of_the_next_version(kind: type) -> None:
    documents.check_schema(kind, SCHEMA + 1, "It", VerificationError)
    reads = f"reads schema {max(1, SCHEMA - 1)} to {SCHEMA + 1}"
    with pytest.raises(VerificationError, match=reads):
        documents.check_schema(kind, SCHEMA + 2, "It", VerificationError)
