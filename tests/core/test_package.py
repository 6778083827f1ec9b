"""One set of members has one archive, and not one byte of it can be changed unseen."""

import io
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeml import archive, documents, package
from edgeml.errors import InputError, PackageError
from edgeml.limits import LIMITS
from edgeml.manifest import Manifest
from edgeml.package import Package
from tests.packages import tiny_package

here = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def verify(path: Path) -> None:
    with Package(path) as opened:
        opened.verify()


@here
@given(st.binary(min_size=1, max_size=9000), st.integers(1, 5000))
def test_what_is_written_is_read(tmp_path: Path, model: bytes, blob_bytes: int) -> None:
    path = tiny_package(tmp_path, model_bytes=model, blob_bytes=blob_bytes)
    verify(path)
    with Package(path) as opened:
        (entry,) = opened.manifest.variants[0].files
        assert opened.read(entry) == model
        pieces = package.split(model, blob_bytes)
        assert b"".join(pieces) == model and len(pieces) == len(entry.blobs)
        assert {len(piece) for piece in pieces[:-1]} <= {blob_bytes}


@here
@given(st.binary(min_size=1, max_size=9000))
def test_members_begin_on_pages(tmp_path: Path, model: bytes) -> None:
    path = tiny_package(tmp_path, model_bytes=model)
    data = path.read_bytes()
    with Package(path) as opened:
        for file in opened.manifest.files():
            start = opened.offset(file)
            assert start % archive.PAGE_BYTES == 0
            assert data[start : start + file.size] == opened.read(file)


def test_any_unzip_reads_it(tmp_path: Path) -> None:
    path = tiny_package(tmp_path, model_bytes=bytes(range(256)) * 50)
    with zipfile.ZipFile(path) as found, Package(path) as opened:
        assert found.testzip() is None
        assert found.namelist() == ["manifest.json", *(f.path for f in opened.manifest.files())]
        assert {info.compress_type for info in found.infolist()} == {zipfile.ZIP_STORED}
        assert {info.date_time for info in found.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.external_attr >> 16 for info in found.infolist()} == {0o100644}
    done = subprocess.run(["unzip", "-t", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No errors detected" in done.stdout


def test_every_changed_byte_is_detected(tmp_path: Path) -> None:
    """Members, padding, ZIP headers, central directory: no byte is free, each of three ways."""
    path = tiny_package(tmp_path)
    whole = path.read_bytes()
    changed = tmp_path / "package_changed_byte.edgeml"
    changed.write_bytes(whole)
    with changed.open("r+b", buffering=0) as stream:
        for position, byte in enumerate(whole):
            # Long runs of zeros are all alike: every byte of them once, the others three times.
            for flip in (0x01,) if byte == 0 else (0x01, 0x80, 0xFF):
                stream.seek(position)
                stream.write(bytes([byte ^ flip]))
                with pytest.raises(PackageError):
                    verify(changed)
            stream.seek(position)
            stream.write(bytes([byte]))
    verify(changed)


def test_every_cut_is_detected(tmp_path: Path) -> None:
    path = tiny_package(tmp_path)
    whole = path.read_bytes()
    cut = tmp_path / "package_cut_off.edgeml"
    with Package(path) as opened:
        places = [0, 1, 29, 30, archive.PAGE_BYTES, *map(opened.offset, opened.manifest.files())]
    for end in {
        *places,
        *(p + 1 for p in places),
        len(whole) - 1,
        len(whole) - 22,
        len(whole) - 99,
    }:
        cut.write_bytes(whole[:end])
        with pytest.raises(PackageError):
            verify(cut)


def rezip(path: Path, change: Callable[[zipfile.ZipFile, dict[str, bytes]], None]) -> bytes:
    """The package's members again, as another program would archive them."""
    with zipfile.ZipFile(path) as found:
        members = {name: found.read(name) for name in found.namelist()}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as made:
        change(made, members)
    return buffer.getvalue()


def plain(made: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    for name, data in members.items():
        made.writestr(name, data)


def bomb(made: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    made.writestr("manifest.json", bytes(50_000_000), zipfile.ZIP_DEFLATED)


def link(made: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    plain(made, {name: data for name, data in members.items() if name != "holdout.npz"})
    info = zipfile.ZipInfo("holdout.npz")
    info.external_attr = 0o120777 << 16
    made.writestr(info, "/etc/passwd")


def twice(made: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    plain(made, members)
    with pytest.warns(UserWarning, match="Duplicate name"):
        made.writestr("contract.json", b"{}")


def compressed(made: zipfile.ZipFile, members: dict[str, bytes]) -> None:
    for name, data in members.items():
        made.writestr(name, data, zipfile.ZIP_DEFLATED)


FAULTS: dict[str, Callable[[bytes, Path], bytes]] = {
    "empty": lambda whole, path: b"",
    "text": lambda whole, path: b"hello",
    "zip_without_a_member": lambda whole, path: whole[-22:],
    "zipped_again": lambda whole, path: rezip(path, plain),
    "compressed": lambda whole, path: rezip(path, compressed),
    "bomb": lambda whole, path: rezip(path, bomb),
    "symbolic_link": lambda whole, path: rezip(path, link),
    "member_twice": lambda whole, path: rezip(path, twice),
    "something_in_front": lambda whole, path: b"#!/bin/sh\n" + whole,
    "something_behind": lambda whole, path: whole + b"\0",
    "huge_manifest": lambda whole, path: whole[:18] + b"\xff" * 8 + whole[26:],
    "data_descriptor": lambda whole, path: whole[:6] + b"\x08\0" + whole[8:],
    "encrypted": lambda whole, path: whole[:6] + b"\x01\0" + whole[8:],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_other_archives_are_refused(tmp_path: Path, fault: str) -> None:
    whole = tiny_package(tmp_path)
    other = tmp_path / f"package_{fault}.edgeml"
    other.write_bytes(FAULTS[fault](whole.read_bytes(), whole))
    with pytest.raises(PackageError) as error:
        verify(other)
    assert str(other) in str(error.value)


@here
@given(st.binary(max_size=6000))
def test_no_bytes_are_a_package(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "random.edgeml"
    path.write_bytes(data)
    with pytest.raises(PackageError):
        Package(path)
    path.write_bytes(tiny_package(tmp_path).read_bytes()[: archive.PAGE_BYTES] + data)
    with pytest.raises(PackageError):
        verify(path)


def test_no_such_file(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.edgeml", tmp_path):
        with pytest.raises(InputError, match="There is no package at"):
            Package(path)


def unpacked(path: Path) -> tuple[Manifest, dict[str, bytes | Path]]:
    with Package(path) as opened:
        return opened.manifest, {f.path: opened.read(f) for f in opened.manifest.files()}


def test_order_of_members_and_files_for_bytes_make_no_difference(tmp_path: Path) -> None:
    path = tiny_package(tmp_path)
    manifest, members = unpacked(path)
    entry = manifest.variants[0].entry
    on_disk = tmp_path / "model"
    data = members[entry]
    assert isinstance(data, bytes)
    on_disk.write_bytes(data)
    again = tmp_path / "again.edgeml"
    package.write(again, manifest, {**dict(reversed(members.items())), entry: on_disk})
    assert again.read_bytes() == path.read_bytes()


def test_members_that_are_not_the_manifests_are_refused(tmp_path: Path) -> None:
    manifest, members = unpacked(tiny_package(tmp_path))
    target = tmp_path / "new.edgeml"
    for wrong in (
        {**members, "contract.json": b"{}"},
        {**members, "more": b"x"},
        {name: data for name, data in members.items() if name != "holdout.npz"},
    ):
        with pytest.raises(PackageError):
            package.write(target, manifest, wrong)
        assert not target.exists()


def test_an_unusable_manifest_is_not_written(tmp_path: Path) -> None:
    manifest, members = unpacked(tiny_package(tmp_path))
    bad = msgspec.structs.replace(manifest, version="../1")
    with pytest.raises(PackageError, match="plain name"):
        package.write(tmp_path / "new.edgeml", bad, members)


def test_a_manifest_of_too_many_blobs_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="--blob-bytes above 10"):
        tiny_package(tmp_path, model_bytes=bytes(20_000), blob_bytes=10)


def test_an_empty_member_is_refused() -> None:
    with pytest.raises(PackageError, match="x is empty"):
        package.describe("x", b"", 10)


def test_positions_have_32_bits() -> None:
    with pytest.raises(ValueError, match="4 GiB"):
        archive.layout([("a", 1 << 31), ("b", 1 << 31)])
    # What limits allow never comes near: a digest takes 67 bytes of the manifest.
    assert LIMITS.manifest_max_bytes // 67 * LIMITS.blob_bytes_max < 1 << 31


def test_the_identity_is_the_manifests_digest(tmp_path: Path) -> None:
    path = tiny_package(tmp_path)
    manifest, members = unpacked(path)
    with Package(path) as opened:
        assert opened.manifest_bytes == documents.encode(manifest)
        assert opened.sha256 == package.write(tmp_path / "x.edgeml", manifest, members)
