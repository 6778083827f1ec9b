"""The verifier: bytes in, trusted object or exception out. No network, no disk, no clock; what was
trusted before goes in as a value, and what is trusted then is a value that counts once it is on
disk.

Today it ties everything to digests and generations; signatures will enter here and nowhere else.
The order of calls is the order of trust:

- (1) a release is small, well-formed and of a known schema;
- (2) it names the fleet, model and channel that were asked for;
- (3) its generation is above the last one that was trusted, not by years, or it is that very one;
- (4) a manifest is small and its digest is the one that the release names;
- (5) it is well-formed, of a known schema, and carries the release's model and version;
- (6) its paths, sizes and blob counts are sane;
- (7) a blob's digest is its address, and the manifest asked for it;
- (8) a file's size and digest are the manifest's.

Every failure's message starts with the number of the check. It is a FetchError where bytes are not
those of their digest, since then the road or the broker is to blame; else a VerificationError: then
the publisher is.
"""

from edgeml import digests, documents
from edgeml.documents import Open
from edgeml.errors import Category, FetchError, VerificationError
from edgeml.limits import LIMITS
from edgeml.manifest import File, Manifest
from edgeml.release import Release, furthest


class Trusted(Open, frozen=True, kw_only=True):
    """What a device has come to trust in one channel; it only grows.

    generation: the highest of a release; release_sha256: of that release, in canonical form, empty
    where there was none.
    """

    generation: int = 0
    release_sha256: str = ""

    def after(self, release: Release) -> "Trusted":
        """What is trusted once `release`, which was verified, is."""
        return Trusted(generation=release.generation, release_sha256=_digest(release))


class Verifier:
    """Trust in one channel of one model, growing from the release inwards."""

    def __init__(self, fleet: str, model: str, channel: str) -> None:
        self.fleet = fleet
        self.model = model
        self.channel = channel

    def release(self, data: bytes, trusted: Trusted, unix_seconds: int = 0) -> Release:
        """A release above the trusted generation, or once more the one that was trusted.

        unix_seconds: what the clock says, which may be wrong, and 0 where there is none.
        """
        if len(data) > LIMITS.release_max_bytes:
            raise VerificationError(
                f"(1) the release has {len(data)} bytes where {LIMITS.release_max_bytes} are "
                "allowed; publish it again."
            )
        release = documents.decode(data, Release, "(1) the release")
        fault = release.fault()
        if fault is not None:
            raise VerificationError(f"(1) the release is unusable: {fault}; publish it again.")
        asked = (self.fleet, self.model, self.channel)
        found = (release.fleet, release.model, release.channel)
        if asked != found:
            raise VerificationError(
                f"(2) the release is for {'/'.join(found)} where {'/'.join(asked)} was asked for; "
                "publish it on its own topic."
            )
        if release.generation < trusted.generation:
            raise VerificationError(
                f"(3) the release has generation {release.generation}, below the "
                f"{trusted.generation} already trusted; publish a newer one."
            )
        most = furthest(trusted.generation, unix_seconds)
        if release.generation > most:
            known_here = most - LIMITS.generation_ahead_seconds
            raise VerificationError(
                f"(3) the release has generation {release.generation}, more than ten years ahead "
                f"of the {known_here} known here; publish it again by a clock that is right."
            )
        known = release.generation == trusted.generation and trusted.release_sha256
        if known and known != _digest(release):
            raise VerificationError(
                f"(3) the release has the generation {release.generation} that is already trusted, "
                "but says something else; publish it under a newer one."
            )
        return release

    def manifest(self, data: bytes, release: Release) -> Manifest:
        if len(data) > LIMITS.manifest_max_bytes:
            raise FetchError(
                f"(4) the manifest has {len(data)} bytes where {LIMITS.manifest_max_bytes} are "
                "allowed; package with larger blobs.",
                category=Category.CONNECTION,
            )
        found = digests.sha256(data)
        if found != release.manifest_sha256:
            raise FetchError(
                f"(4) the manifest's digest is {found[:12]} where the release names "
                f"{release.manifest_sha256[:12]}; publish the package again.",
                category=Category.CONNECTION,
            )
        manifest = documents.decode(data, Manifest, "(5) the manifest")
        if (manifest.name, manifest.version) != (release.model, release.version):
            raise VerificationError(
                f"(5) the manifest is of {manifest.name} {manifest.version} where the release "
                f"names {release.model} {release.version}; publish the package again."
            )
        fault = manifest.fault()
        if fault is not None:
            raise VerificationError(f"(6) the manifest is unusable: {fault}; package it again.")
        if manifest.blob_bytes > LIMITS.blob_bytes_max:
            raise VerificationError(
                f"(6) the manifest has blobs of {manifest.blob_bytes} bytes where "
                f"{LIMITS.blob_bytes_max} are allowed; package it with smaller --blob-bytes."
            )
        return manifest

    def blob(self, data: bytes, sha256: str) -> bytes:
        found = digests.sha256(data)
        if found != sha256:
            raise FetchError(
                f"(7) the blob at {sha256[:12]} has digest {found[:12]}: it was changed on its "
                "way or at the broker; publish the package again.",
                category=Category.CONNECTION,
            )
        return data

    def file(self, size: int, sha256: str, expected: File) -> None:
        """`size` in bytes and `sha256` of what was put together from blobs."""
        if (size, sha256) != (expected.size, expected.sha256):
            raise VerificationError(
                f"(8) {expected.path} has {size} bytes with digest {sha256[:12]} where the "
                f"manifest promises {expected.size} with {expected.sha256[:12]}; package it again."
            )


def _digest(release: Release) -> str:
    return digests.sha256(documents.encode(release))
