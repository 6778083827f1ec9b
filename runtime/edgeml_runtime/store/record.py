"""What a device knows of its own versions: `state.json`."""

from edgeml import documents
from edgeml.documents import Strict
from edgeml.release import Release


class Staged(Strict, frozen=True, kw_only=True):
    """What the engine made of a variant. entry: the file to load; files: path -> SHA-256, all
    relative to the package's folder."""

    entry: str
    files: dict[str, str]


class Installed(Strict, frozen=True, kw_only=True):
    """A version in the store that has been live, and what its engine made of it."""

    release: Release
    variant: str
    engine: str
    staged: Staged


class Record(Strict, frozen=True, kw_only=True):
    """`state.json`.

    fleet, model, channel: whose store it is. swap_state: where the swap was when this was written.
    trial: the release under way; attempts: how often its staging was begun. boots: how often the
    active version was started without having run for long. proven: whether it ever has.
    rejected_generation: never tried again. last_generation: the highest trusted.
    """

    fleet: str = ""
    model: str = ""
    channel: str = ""
    swap_state: str = "idle"
    active: Installed | None = None
    previous: Installed | None = None
    trial: Release | None = None
    attempts: int = 0
    boots: int = 0
    proven: bool = False
    rejected_generation: int = 0
    last_generation: int = 0
    schema: int = documents.SCHEMA
