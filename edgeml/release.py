"""The release pointer: which version a channel of a model is at. One small retained message."""

from edgeml.documents import SCHEMA, Strict


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
