"""The device's disk: packages by their digest, blobs on the way, and one small state file.

    DIR/edgeml.lock                    held by the daemon
    DIR/state.json                     Record: what is active, what was before, what is under way
    DIR/state.json.copy                the same as of the moment when a version was last taken up
    DIR/blobs/<sha256>                 pieces that have come, each verified; gone once put together
    DIR/packages/<manifest sha256>/    manifest.json, contract.json, holdout.npz, variants/...,
                                       prepared/: what the engine made of the variant here

Every file is written whole or not at all; garbage is collected last, after the state is on disk.
"""

import os
import shutil
import threading
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from edgeml import atomic, digests, documents
from edgeml.errors import InputError, StorageError, VerificationError
from edgeml.manifest import MANIFEST, File
from edgeml.release import Release
from edgeml.trust import Trusted, Verifier
from edgeml_runtime.store.lock import check_foreign, locked
from edgeml_runtime.store.opened import Opened
from edgeml_runtime.store.record import Installed, Record, read

_STATE = "state.json"
_COPY = "state.json.copy"
_OURS = frozenset((_STATE, _COPY, f"{_STATE}.damaged", "blobs", "packages"))


class Store:
    """One folder, one device, one model."""

    def __init__(self, folder: Path) -> None:
        """Locks the folder for this process until `close` and reads what it holds.

        A state file that cannot be read is put aside as state.json.damaged, and its copy is taken
        up where that can be read; `damage` says so. Raises InputError when another process has the
        folder or it holds something else than a store, StorageError when it cannot be used.
        """
        self.folder = folder
        self._blobs = folder / "blobs"
        self.record = Record()
        self._saving = threading.Lock()
        self.damage: StorageError | None = None
        try:
            check_foreign(folder, _OURS)
            atomic.make_folder(self._blobs)
            self._lock = locked(folder)
        except OSError as error:
            raise atomic.storage_error(folder, error) from error
        try:
            self._read()
        except OSError as error:
            self.close()
            raise atomic.storage_error(folder, error) from error

    def _read(self) -> None:
        self._sweep()
        state = self.folder / _STATE
        if not state.exists():
            return
        try:
            self.record = read(state.read_bytes(), str(state))
            return
        except StorageError:
            with suppress(OSError):
                state.rename(state.with_name(f"{_STATE}.damaged"))
        copy = self.folder / _COPY
        try:
            self.record = read(copy.read_bytes(), str(copy))
            then = "its copy was taken up"
        except (StorageError, FileNotFoundError):
            then = "there is no copy, so the device begins anew and fetches what is published"
        self.damage = StorageError(f"{state} was damaged and put aside: {then}; check the disk.")

    def _sweep(self) -> None:
        """Removes what a kill left half written."""
        places = (self.folder, self._blobs, *(self.folder / "packages").glob("**/"))
        for place in places:
            for path in place.glob(f"{atomic.TEMPORARY}*"):
                with suppress(OSError):  # of a card that takes nothing
                    path.unlink()

    def close(self) -> None:
        """Gives the folder to the next process."""
        self._lock.close()

    def save(self, **changes: object) -> None:
        """Writes the record with these changes; raises StorageError, then nothing has changed."""
        with self._saving:
            self._write(msgspec.structs.replace(self.record, **changes))

    def prove(self, manifest_sha256: str) -> None:
        """Notes that this version has run for long, if it is the active one still; raises as `save`
        does."""
        with self._saving:
            active = self.record.active
            if active is not None and active.release.manifest_sha256 == manifest_sha256:
                self._write(msgspec.structs.replace(self.record, boots=0, proven=True))

    def _write(self, record: Record) -> None:
        data = documents.encode(record)
        state = self.folder / _STATE
        try:
            if record.active != self.record.active:
                # Else a disk that loses one file would cost the device its model. First, since what
                # fails after the state is written could not be taken back.
                atomic.write(self.folder / _COPY, data)
            atomic.write(state, data)
        except StorageError:
            with suppress(StorageError):  # it is there already where only its last sync failed
                atomic.write(state, documents.encode(self.record))
            raise
        self.record = record

    def claim(self, fleet: str, model: str, channel: str) -> None:
        """Makes the store one of this model, or raises InputError when it is another's.

        A channel may change: what was trusted or refused on the other says nothing on this one.
        """
        record = self.record
        found = (record.fleet, record.model)
        if record.model and found != (fleet, model):
            raise InputError(
                f"The store {self.folder} holds model {record.model!r} of fleet {record.fleet!r}, "
                f"not {model!r} of {fleet!r}; give each model a --store of its own."
            )
        if (*found, record.channel) != (fleet, model, channel):
            self.save(fleet=fleet, model=model, channel=channel, refused=(), trusted=Trusted())

    # Blobs

    def has_blob(self, sha256: str) -> bool:
        """Whether a whole, undamaged blob is here; a damaged one is removed."""
        path = self._blobs / sha256
        if not path.is_file():
            return False
        if _is_whole(path, sha256):
            return True
        path.unlink()
        return False

    def put_blob(self, sha256: str, data: bytes) -> None:
        atomic.write(self._blobs / sha256, data)

    # Packages

    def package(self, manifest_sha256: str) -> Path:
        if not digests.is_sha256(manifest_sha256):  # a state file may be damaged too
            raise ValueError(f"{manifest_sha256!r} is no digest")
        return self.folder / "packages" / manifest_sha256

    def manifest(self, release: Release) -> bytes | None:
        """The manifest's bytes if they are here and whole; a damaged one is removed."""
        path = self.package(release.manifest_sha256) / MANIFEST
        if not path.is_file():
            return None
        with suppress(OSError):  # a sector that cannot be read: what is behind it is fetched again
            data = path.read_bytes()
            if digests.sha256(data) == release.manifest_sha256:
                return data
        path.unlink()
        return None

    def put_manifest(self, release: Release, data: bytes) -> None:
        atomic.write(self.package(release.manifest_sha256) / MANIFEST, data)

    def has_file(self, manifest_sha256: str, file: File) -> bool:
        path = self.package(manifest_sha256) / file.path
        return path.is_file() and _is_whole(path, file.sha256)

    def missing_blobs(self, manifest_sha256: str, files: Iterable[File]) -> list[str]:
        """The distinct blobs that are not here, neither alone nor inside a finished file."""
        wanted = dict.fromkeys(
            blob
            for file in files
            if not self.has_file(manifest_sha256, file)
            for blob in file.blobs
        )
        return [blob for blob in wanted if not self.has_blob(blob)]

    def assemble(self, manifest_sha256: str, file: File, verifier: Verifier) -> None:
        """Puts a file together from its blobs, unless it is there already, and checks it."""
        if self.has_file(manifest_sha256, file):
            return
        target = self.package(manifest_sha256) / file.path
        with atomic.replacing(target) as stream:
            for sha256 in file.blobs:
                stream.write((self._blobs / sha256).read_bytes())
            size = stream.tell()
            stream.seek(0)
            try:
                verifier.file(size, digests.sha256_stream(stream), file)
            except VerificationError as error:
                if all(self.has_blob(blob) for blob in file.blobs):
                    raise
                raise StorageError(
                    f"A part of {file.path} was damaged on this disk; it is fetched again."
                ) from error

    def check_room(
        self, manifest_sha256: str, files: Iterable[File], wanted: Collection[str], blob_bytes: int
    ) -> None:
        """Raises StorageError where the disk has no room for the `wanted` blobs of `files` and for
        what is put together from all: before they are fetched, and not after."""
        block, needed = os.statvfs(self.folder).f_frsize, 0
        for file in files:
            if not self.has_file(manifest_sha256, file):
                missing = sum(blob in wanted for blob in file.blobs)
                to_come = min(file.size, missing * blob_bytes) + missing * block
                needed += to_come + file.size + block
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise StorageError(
                f"{self.folder} has {free} bytes free where {needed} are needed: the disk is full; "
                "free some space."
            )

    def drop_blobs(self) -> None:
        """Removes all blobs: what they were for is put together."""
        for path in self._blobs.iterdir():
            path.unlink(missing_ok=True)

    def make_room(self, release: Release) -> None:
        """Drops what an unfinished trial of another package left, before `release` is saved: on a
        full disk there would be no room to say so first."""
        trial, active = self.record.trial, (self.record.active, self.record.previous)
        left = trial.release.manifest_sha256 if trial else release.manifest_sha256
        if left == release.manifest_sha256:
            return
        self.drop_blobs()
        if left not in {i.release.manifest_sha256 for i in active if i}:
            shutil.rmtree(self.package(left), ignore_errors=True)

    def collect(self, keep_trial: bool = True) -> None:
        """Removes the blobs and packages that neither active, previous nor trial need."""
        record = self.record
        kept = {i.release.manifest_sha256 for i in (record.active, record.previous) if i}
        if record.trial and keep_trial:
            kept.add(record.trial.release.manifest_sha256)
        else:
            self.drop_blobs()
        packages = self.folder / "packages"
        for path in packages.iterdir() if packages.is_dir() else ():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def open(self, installed: Installed) -> Opened:
        """An installed version, every file checked against its digest.

        Raises VerificationError or StorageError when something is missing or damaged.
        """
        release = installed.release
        data = self.manifest(release)
        if data is None:
            raise StorageError(
                f"Version {release.version} is not whole in the store; it is fetched again."
            )
        Verifier(release.fleet, release.model, release.channel).manifest(data, release)
        opened = Opened.read(self.package(release.manifest_sha256), installed.variant)
        for file in opened.manifest.files_for(opened.variant):
            if not self.has_file(release.manifest_sha256, file):
                raise VerificationError(
                    f"(8) {file.path} of version {release.version} is damaged on this disk; "
                    "publish it again."
                )
        return opened

    def intact(self, installed: Installed) -> bool:
        """Whether what staging made of this version is as it was made."""
        folder = self.package(installed.release.manifest_sha256)
        return all(
            (folder / path).is_file() and _is_whole(folder / path, sha256)
            for path, sha256 in installed.staged.files.items()
        )


def _is_whole(path: Path, sha256: str) -> bool:
    """Whether the file can be read and is what it was; a bad sector is damage like any other."""
    try:
        return digests.sha256_file(path) == sha256
    except OSError:
        return False
