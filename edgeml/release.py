"""The release pointer: which version a channel of a model is at. One small retained message."""

from edgeml import digests, names
from edgeml.documents import SCHEMA, Strict
from edgeml.limits import LIMITS


class Release(Strict, frozen=True, kw_only=True):
    """Points a channel at a manifest.

    fleet, model, channel: whom it is for; a device refuses a release for anybody else.
    generation: grows with every release of a channel; a device never goes back to a lower one, so
        a rollback is a new generation that names an old version.
    version: of the model, as its manifest says too.
    manifest_sha256: the identity of the package.
    """

    fleet: str
    model: str
    channel: str
    generation: int
    version: str
    manifest_sha256: str
    schema: int = SCHEMA

    def fault(self) -> str | None:
        """What makes this release unusable or dangerous, or None: its digest becomes a folder."""
        if not digests.is_sha256(self.manifest_sha256):
            return f"{self.manifest_sha256!r} is no SHA-256"
        if not names.NAME.fullmatch(self.version):
            return f"its version {self.version!r} is not a plain name"
        if not 0 <= self.generation < 1 << 63:
            return f"its generation {self.generation} is not from 0 to 2^63"
        return None


def furthest(known: int, unix_seconds: int) -> int:
    """The highest generation that is believed where `known` is the highest that was: one far ahead
    of all clocks would end its channel, since nothing newer could follow."""
    return max(known, unix_seconds, LIMITS.clock_floor_seconds) + LIMITS.generation_ahead_seconds
