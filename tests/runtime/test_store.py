"""The device's disk: what is damaged is noticed, what is needed is kept, one daemon at a time."""

import errno
from pathlib import Path

import msgspec
import pytest

from edgeml import atomic, digests
from edgeml.errors import Category, InputError, StorageError, VerificationError
from edgeml.manifest import MANIFEST
from edgeml.release import Release
from edgeml.trust import Trusted
from edgeml_runtime.store.disk import Store
from edgeml_runtime.store.record import Refusal
from tests.runtime_doubles import Rig, package, release_of, wide


@pytest.fixture
def device(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "store")


def take(device: Rig, path: Path, generation: int) -> bool:
    device.link.offer(path)
    return device.swap.take(release_of(path, generation))


def test_a_damaged_blob_is_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = digests.sha256(b"whole")
    store.put_blob(digest, b"whole")
    assert store.has_blob(digest)
    (tmp_path / "blobs" / digest).write_bytes(b"torn")
    assert not store.has_blob(digest)
    store.close()


def test_two_daemons_cannot_share_a_store(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(InputError, match="in use"):
        Store(tmp_path)
    store.close()
    Store(tmp_path).close()


def test_a_store_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        Store(tmp_path / "file")


@pytest.mark.parametrize("content", [b"", b"{", b'{"schema": 99}', b"\xff" * 100])
def test_an_unreadable_state_is_put_aside(tmp_path: Path, content: bytes) -> None:
    Store(tmp_path).close()
    (tmp_path / "state.json").write_bytes(content)
    store = Store(tmp_path)
    assert store.damage is not None and store.record.active is None
    assert (tmp_path / "state.json.damaged").read_bytes() == content
    store.close()


def test_what_a_kill_left_half_written_is_removed(tmp_path: Path) -> None:
    Store(tmp_path).close()
    deep = tmp_path / "packages" / ("0" * 64) / "variants" / "v"
    deep.mkdir(parents=True)
    left = [folder / f"{atomic.TEMPORARY}abc" for folder in (tmp_path, tmp_path / "blobs", deep)]
    for path in left:
        path.write_bytes(b"half")
    Store(tmp_path).close()
    assert not any(path.exists() for path in left)


def test_a_folder_with_other_files_is_no_store_and_is_left_alone(tmp_path: Path) -> None:
    files = [tmp_path / ".env", tmp_path / "thesis.tex"]
    for path in files:
        path.write_text("precious")
    with pytest.raises(InputError, match=r"holds other files than a store's \(thesis.tex\)"):
        Store(tmp_path)
    assert sorted(tmp_path.iterdir()) == files
    files[1].unlink()
    Store(tmp_path).close()  # a disk of its own may hold the file system's hidden files
    assert files[0].read_text() == "precious"


def test_a_store_whose_lock_was_taken_away_is_a_store(device: Rig, tmp_path: Path) -> None:
    assert take(device, package(tmp_path, "1"), 1)
    device.store.close()
    (tmp_path / "store" / "edgeml.lock").unlink()
    store = Store(tmp_path / "store")
    assert store.record.active is not None
    store.close()
    for left in (tmp_path / "store").glob("state.json*"):
        left.unlink()  # as of a running device, which writes on
    (tmp_path / "store" / "edgeml.lock").unlink()
    Store(tmp_path / "store").close()


def test_a_store_is_one_models_and_a_channel_may_change(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.claim("f", "m", "stable")
    trusted = Trusted(generation=7, release_sha256="0" * 64)
    release = Release(
        fleet="f", model="m", channel="stable", generation=7, version="1", manifest_sha256="0" * 64
    )
    refusal = Refusal(
        release=release, error="HoldoutError", category=Category.EXECUTION, message="It differs.",
        final=True, times=1, environment="e",
    )  # fmt: skip
    store.save(trusted=trusted, refused=(refusal,))
    store.claim("f", "m", "stable")
    assert store.record.trusted == trusted and store.record.refused == (refusal,)
    for fleet, model in (("g", "m"), ("f", "n")):
        with pytest.raises(InputError, match="holds model 'm' of fleet 'f'"):
            store.claim(fleet, model, "stable")
    store.claim("f", "m", "beta")
    assert store.record.trusted == Trusted() and store.record.refused == ()
    store.close()


def test_a_damaged_state_is_taken_up_from_its_copy(device: Rig, tmp_path: Path) -> None:
    assert take(device, package(tmp_path, "1"), 1)
    active = device.store.record.active
    device.store.close()
    state = tmp_path / "store" / "state.json"
    state.write_bytes(state.read_bytes()[:60])
    store = Store(tmp_path / "store")
    assert store.record.active == active and store.record.trusted.generation == 1
    assert store.damage is not None and "its copy was taken up" in str(store.damage)
    store.close()


def test_a_damaged_manifest_is_fetched_again(device: Rig, tmp_path: Path) -> None:
    path = package(tmp_path, "1")
    assert take(device, path, 1)
    release = release_of(path, 1)
    manifest = device.store.package(release.manifest_sha256) / MANIFEST
    manifest.write_bytes(manifest.read_bytes()[:100])
    assert device.store.manifest(release) is None and not manifest.exists()
    with pytest.raises(StorageError, match="fetched again"):
        active = device.store.record.active
        assert active is not None
        device.store.open(active)
    device.store.close()
    again = Rig(tmp_path / "store", device.link)
    assert again.swap.take(release) and again.version == "1"
    again.store.close()


def test_previous_is_kept_and_older_ones_are_collected(device: Rig, tmp_path: Path) -> None:
    paths = [package(tmp_path, version) for version in "123"]
    for generation, path in enumerate(paths, 1):
        assert take(device, path, generation)
    kept = {p.name for p in (tmp_path / "store" / "packages").iterdir()}
    assert kept == {release_of(path, 1).manifest_sha256 for path in paths[1:]}
    assert list((tmp_path / "store" / "blobs").iterdir()) == []
    device.store.close()


def test_a_rollback_moves_no_bytes(device: Rig, tmp_path: Path) -> None:
    paths = [package(tmp_path, version) for version in "12"]
    for generation, path in enumerate(paths, 1):
        assert take(device, path, generation)
    moved = len(device.link.answered)
    assert take(device, paths[0], 3)
    assert device.version == "1" and len(device.link.answered) == moved
    device.store.close()


def test_the_live_package_under_a_newer_generation_is_not_loaded_again(
    device: Rig, tmp_path: Path
) -> None:
    path = package(tmp_path, "1")
    assert take(device, path, 1) and take(device, path, 7)
    identity, active = device.live.identity, device.store.record.active
    assert identity is not None and active is not None
    assert identity.generation == active.release.generation == 7
    assert [kind for kind, _ in device.said].count("staging") == 1
    assert device.store.record.previous is None
    device.store.close()


def test_a_manifest_that_lies_about_a_file_is_refused_for_ever(device: Rig, tmp_path: Path) -> None:
    assert take(device, package(tmp_path, "1"), 1)
    path = package(tmp_path, "2")
    manifest = device.link.offer(path)
    true = manifest.variants[0].files[0].sha256
    release = release_of(path, 2)
    data = (device.link.retained.pop(f"edgeml/v1/test/man/{release.manifest_sha256}")).replace(
        true.encode(), b"0" * 64
    )
    sha256 = digests.sha256(data)
    device.link.retained[f"edgeml/v1/test/man/{sha256}"] = data
    lying = msgspec.structs.replace(release, manifest_sha256=sha256)
    assert device.swap.take(lying)
    assert device.said[-1][0] == "rejected" and device.said[-1][1].startswith("(8)")
    assert device.version == "1" and device.refused == [("2", True)]
    device.store.close()


def test_another_contract_is_refused(device: Rig, tmp_path: Path) -> None:
    assert take(device, package(tmp_path, "1"), 1)
    # The holdout of the double still fits version 1: the contract itself is what differs.
    assert take(device, package(tmp_path, "2", contract=wide(5)), 2)
    assert device.said[-1][0] == "rejected" and "contract" in device.said[-1][1]
    assert device.version == "1"
    device.store.close()


def test_a_full_disk_is_an_incident_and_the_release_comes_later(
    device: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert take(device, package(tmp_path, "1"), 1)
    path = package(tmp_path, "2")
    write, writes = atomic.os.fsync, 0

    def full(descriptor: int) -> None:
        nonlocal writes
        writes += 1
        if writes > 8:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr(atomic.os, "fsync", full)
        assert not take(device, path, 2)
    assert device.said[-1][0] == "postponed" and "disk is full" in device.said[-1][1]
    assert device.version == "1" and device.refused == []
    assert not list((tmp_path / "store").rglob(".*"))
    assert take(device, path, 2) and device.version == "2"
    device.store.close()


def test_an_installed_version_that_lost_a_file_does_not_open(device: Rig, tmp_path: Path) -> None:
    assert take(device, package(tmp_path, "1"), 1)
    active = device.store.record.active
    assert active is not None and device.store.intact(active)
    device.store.open(active).entry.unlink()
    with pytest.raises(VerificationError, match="damaged"):
        device.store.open(active)
    assert not device.store.intact(active)
    device.store.close()
