"""The package, `NAME-VERSION.edgeml`: a reproducible ZIP whose members can be mapped into memory.

Stored, not compressed; fixed time stamps; each member's bytes begin on a page boundary, by padding
in its extra field (as Android's zipalign does, id 0xD935), so `unzip` reads it too.
`manifest.json` is first; every other member is named in it with its digest.
"""

import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from edgeml import atomic, digests, documents
from edgeml.contract import Contract
from edgeml.errors import InputError, PackageError
from edgeml.limits import LIMITS
from edgeml.manifest import File, Manifest

PAGE_BYTES = 4096
MANIFEST = "manifest.json"
_HEADER_BYTES = 30  # of a ZIP local file header, before name and extra field
_ALIGN_ID = 0xD935


def split(data: bytes, blob_bytes: int) -> list[bytes]:
    """The consecutive pieces in which `data` travels."""
    return [data[start : start + blob_bytes] for start in range(0, len(data), blob_bytes)]


def describe(path: str, data: bytes, blob_bytes: int) -> File:
    """The manifest's entry for a member."""
    if not data:
        raise PackageError(f"{path} is empty; a package member needs at least one byte.")
    return File(
        path=path,
        sha256=digests.sha256(data),
        size=len(data),
        blobs=tuple(digests.sha256(piece) for piece in split(data, blob_bytes)),
    )


def write(target: Path, manifest: Manifest, members: Mapping[str, bytes | Path]) -> str:
    """Writes the package atomically and returns the manifest's SHA-256.

    members: bytes, or the file that holds them, for every path that the manifest names.
    """
    fault = manifest.fault()
    if fault is not None:
        raise PackageError(f"The package cannot be written: {fault}.")
    data = documents.encode(manifest)
    if len(data) > LIMITS.manifest_max_bytes:
        raise PackageError(
            f"The manifest has {len(data)} bytes where {LIMITS.manifest_max_bytes} are allowed; "
            f"package with --blob-bytes above {manifest.blob_bytes}."
        )
    with atomic.replacing(target) as stream:
        _archive(stream, {MANIFEST: data, **members})
    return digests.sha256(data)


def _archive(stream: IO[bytes], members: Mapping[str, bytes | Path]) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for path, content in members.items():
            data = content if isinstance(content, bytes) else content.read_bytes()
            info = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            info.create_system = 3
            info.extra = _padding(stream.tell() + _HEADER_BYTES + len(path.encode()))
            archive.writestr(info, data)


def _padding(offset: int) -> bytes:
    """An extra field after which the member's bytes begin on a page."""
    missing = -(offset + 4) % PAGE_BYTES
    return struct.pack("<HH", _ALIGN_ID, missing) + bytes(missing)


class Package:
    """An opened package. Nothing in it is trusted before `verify`."""

    def __init__(self, path: Path) -> None:
        """Raises InputError when there is no such file, PackageError when it is no package."""
        self.path = path
        if not path.is_file():
            raise InputError(f"There is no package at {path}; make one with 'edgeml package'.")
        try:
            self._zip = zipfile.ZipFile(path)
            self.manifest_bytes = self._zip.read(MANIFEST)
        except (zipfile.BadZipFile, KeyError, OSError, NotImplementedError, EOFError) as error:
            raise PackageError(
                f"{path} is not an .edgeml package ({error}); make one with 'edgeml package'."
            ) from error
        self.sha256 = digests.sha256(self.manifest_bytes)
        self.manifest = documents.decode(self.manifest_bytes, Manifest, MANIFEST, PackageError)
        fault = self.manifest.fault()
        if fault is not None:
            raise PackageError(f"{path} has an unusable manifest: {fault}; package it again.")

    def __enter__(self) -> "Package":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, file: File) -> bytes:
        """The bytes of a member; raises PackageError unless size and digest are the manifest's."""
        try:
            data = self._zip.read(file.path)
        except (KeyError, zipfile.BadZipFile, OSError, EOFError) as error:
            raise PackageError(
                f"{file.path} cannot be read from {self.path} ({error}); package it again."
            ) from error
        found = digests.sha256(data)
        if (len(data), found) != (file.size, file.sha256):
            raise PackageError(
                f"{file.path} in {self.path} has digest {found[:12]} where the manifest promises "
                f"{file.sha256[:12]}; package it again."
            )
        return data

    def offset(self, file: File) -> int:
        """Where the member's bytes begin in the package file: a multiple of PAGE_BYTES."""
        info = self._zip.getinfo(file.path)
        with self.path.open("rb") as stream:
            stream.seek(info.header_offset)
            name, extra = struct.unpack("<HH", stream.read(_HEADER_BYTES)[26:30])
        return info.header_offset + _HEADER_BYTES + int(name) + int(extra)

    def contract(self) -> Contract:
        data = self.read(self.manifest.contract)
        return documents.decode(data, Contract, "contract.json", PackageError)

    def verify(self) -> None:
        """Every member against its digests, and no member that the manifest does not name."""
        named = {MANIFEST}
        for file in self.manifest.files():
            data = self.read(file)
            if describe(file.path, data, self.manifest.blob_bytes) != file:
                raise PackageError(
                    f"{file.path} in {self.path} has other blobs than promised; package it again."
                )
            named.add(file.path)
        strange = [name for name in self._zip.namelist() if name not in named]
        if strange or len(self._zip.namelist()) != len(named):
            raise PackageError(
                f"{self.path} holds members that its manifest does not name "
                f"({', '.join(strange) or 'twice'}); package it again."
            )
