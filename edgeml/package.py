"""The package, `NAME-VERSION.edgeml`: a reproducible ZIP whose members can be mapped into memory.

Any `unzip` reads it; edgeml itself reads it by position. `manifest.json` is first, then every file
in the order of `Manifest.files()`, each on a page boundary (edgeml.archive), and nothing else. The
central directory is never believed, so a second member of one name, a symbolic link, compression,
a descriptor or a size that promises too much has no place to hide. See docs/package.md.
"""

import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from edgeml import archive, atomic, digests, documents, holdout
from edgeml.contract import Contract
from edgeml.errors import InputError, PackageError
from edgeml.holdout import Holdout
from edgeml.limits import LIMITS
from edgeml.manifest import MANIFEST, File, Manifest


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
    Raises PackageError when the manifest is unusable or the members are not what it says.
    """
    fault = manifest.fault()
    if fault is not None:
        raise PackageError(f"The package cannot be written: {fault}.")
    first = documents.encode(manifest)
    if len(first) > LIMITS.manifest_max_bytes:
        raise PackageError(
            f"The manifest has {len(first)} bytes where {LIMITS.manifest_max_bytes} are allowed; "
            f"package with --blob-bytes above {manifest.blob_bytes}, at most "
            f"{LIMITS.blob_bytes_max}."
        )
    files = manifest.files()
    if set(members) != {file.path for file in files}:
        raise PackageError("The package cannot be written: members and manifest name other files.")
    places = _layout(manifest, first)
    crcs: list[int] = []
    with atomic.replacing(target) as stream:
        for place, file in zip(places, (None, *files), strict=True):
            data = first if file is None else _content(members[file.path])
            if file is not None and describe(file.path, data, manifest.blob_bytes) != file:
                raise PackageError(f"{file.path} is not what the manifest says; package it again.")
            crcs.append(zlib.crc32(data))
            stream.write(archive.header(place, crcs[-1]))
            stream.write(data)
        stream.write(archive.directory(places, crcs))
    return digests.sha256(first)


def _layout(manifest: Manifest, manifest_bytes: bytes) -> tuple[archive.Member, ...]:
    sizes = [(file.path, file.size) for file in manifest.files()]
    try:
        return archive.layout([(MANIFEST, len(manifest_bytes)), *sizes])
    except ValueError as error:
        raise PackageError(f"The package is too large: {error}; leave out a variant.") from error


def _content(source: bytes | Path) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


class Package:
    """An opened package. Nothing in it is trusted before `verify`."""

    def __init__(self, path: Path) -> None:
        """Raises InputError when there is no such file, PackageError when it is no package."""
        self.path = path
        if not path.is_file():
            raise InputError(f"There is no package at {path}; make one with 'edgeml package'.")
        try:
            self._stream = path.open("rb", buffering=0)
        except OSError as error:
            raise InputError(
                f"The package {path} cannot be opened: {error.strerror}; check its rights."
            ) from error
        try:
            self._open()
        except BaseException:
            self._stream.close()
            raise

    def _open(self) -> None:
        size = archive.first_size(self._bytes(0, archive.PAGE_BYTES), MANIFEST)
        if size is None or not 0 < size <= LIMITS.manifest_max_bytes:
            raise PackageError(
                f"{self.path} is not an .edgeml package; make one with 'edgeml package'."
            )
        self.manifest_bytes = self._bytes(archive.PAGE_BYTES, size)
        self.sha256 = digests.sha256(self.manifest_bytes)
        self.manifest = documents.decode(self.manifest_bytes, Manifest, MANIFEST, PackageError)
        fault = self.manifest.fault()
        if fault is not None:
            raise PackageError(f"{self.path} has an unusable manifest: {fault}; package it again.")
        self._places = _layout(self.manifest, self.manifest_bytes)
        self._starts = {place.path: place.start for place in self._places}
        if self._places[-1].end > self._file_size():
            raise PackageError(
                f"{self.path} is cut off: its members need {self._places[-1].end} bytes and it has "
                f"{self._file_size()}; copy it here again."
            )

    def __enter__(self) -> "Package":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, file: File) -> bytes:
        """The bytes of a member; raises PackageError unless size and digest are the manifest's.

        May be called from several threads.
        """
        data = self._bytes(self.offset(file), file.size)
        found = digests.sha256(data)
        if (len(data), found) != (file.size, file.sha256):
            raise PackageError(
                f"{file.path} in {self.path} has digest {found[:12]} where the manifest promises "
                f"{file.sha256[:12]}; package it again."
            )
        return data

    def offset(self, file: File) -> int:
        """Where the member's bytes begin in the package file: a multiple of PAGE_BYTES."""
        return self._starts[file.path]

    def contract(self) -> Contract:
        data = self.read(self.manifest.contract)
        return documents.decode(data, Contract, "contract.json", PackageError)

    def holdout(self) -> Holdout:
        return holdout.decode(self.read(self.manifest.holdout))

    def verify(self) -> None:
        """Every byte of the file is what the manifest makes it, blobs and ZIP headers included."""
        crcs = [zlib.crc32(self.manifest_bytes)]
        for file in self.manifest.files():
            data = self.read(file)
            if describe(file.path, data, self.manifest.blob_bytes) != file:
                raise PackageError(
                    f"{file.path} in {self.path} has other blobs than promised; package it again."
                )
            crcs.append(zlib.crc32(data))
        end = 0
        for start, expected in self._frame(crcs):
            end = start + len(expected)
            if self._bytes(start, len(expected)) != expected:
                raise PackageError(
                    f"{self.path} has other ZIP headers than its manifest gives; package it again."
                )
        if self._file_size() != end:
            raise PackageError(
                f"{self.path} has {self._file_size()} bytes where its manifest gives {end}; "
                "package it again."
            )

    def _frame(self, crcs: list[int]) -> Iterator[tuple[int, bytes]]:
        """Everything in the file that is no member's bytes: (position, bytes)."""
        for place, crc in zip(self._places, crcs, strict=True):
            yield place.header, archive.header(place, crc)
        yield self._places[-1].end, archive.directory(self._places, crcs)

    def _file_size(self) -> int:
        return os.fstat(self._stream.fileno()).st_size

    def _bytes(self, start: int, size: int) -> bytes:
        """At most `size` bytes from `start`, fewer at the end of the file."""
        try:
            return os.pread(self._stream.fileno(), size, start)
        except OSError as error:
            raise PackageError(
                f"{self.path} cannot be read: {error.strerror}; copy it here again."
            ) from error
