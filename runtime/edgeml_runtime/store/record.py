"""What a device knows of its own versions: `state.json`."""

from typing import Any

import msgspec

from edgeml import documents
from edgeml.documents import Open
from edgeml.errors import StorageError
from edgeml.release import Release
from edgeml.trust import Trusted


class Staged(Open, frozen=True, kw_only=True):
    """What an engine made of a variant.

    entry: the file to load; files: path -> SHA-256, all relative to the package's folder. made_by:
    the engine's version and the processor; see edgeml_runtime.engines.environment.
    """

    entry: str
    files: dict[str, str]
    made_by: str = ""


class Installed(Open, frozen=True, kw_only=True):
    """A version in the store that has been live, and what its engine made of it."""

    release: Release
    variant: str
    engine: str
    staged: Staged


class Trial(Open, frozen=True, kw_only=True):
    """A version under way, as each state of the swap hands it to the next.

    variant, engine: chosen in resolve. came: blobs that were fetched for it. attempts: how often
    its staging was begun and did not end. staged: what it left.
    """

    release: Release
    variant: str = ""
    engine: str = ""
    came: int = 0
    attempts: int = 0
    staged: Staged | None = None


class Refusal(Open, frozen=True, kw_only=True):
    """A release that was not taken up, and why.

    error: the class of the error, category and message: its own. final: whether the bytes
    themselves are to blame, so that the same never passes; else it is tried again. times: how often
    in a row. environment: of the device at the last time; see store/refusals.py.
    """

    release: Release
    error: str
    category: str
    message: str
    final: bool
    times: int
    environment: str


class Record(Open, frozen=True, kw_only=True):
    """`state.json`.

    fleet, model, channel: whose store it is. swap_state: where the swap was when this was written.
    trial: the version under way, or that will be tried again. boots: how often the active version
    was started without having run for long. proven: whether it ever has. refused: the latest last.
    trusted: see edgeml.trust.
    """

    fleet: str = ""
    model: str = ""
    channel: str = ""
    swap_state: str = "idle"
    active: Installed | None = None
    previous: Installed | None = None
    trial: Trial | None = None
    boots: int = 0
    proven: bool = False
    refused: tuple[Refusal, ...] = ()
    trusted: Trusted = Trusted()
    schema: int = documents.SCHEMA


def read(data: bytes, what: str) -> Record:
    """state.json, of a newer version of edgeml too, whatever that knows besides: a daemon that was
    put back keeps its model and what it trusts.

    Raises StorageError for anything else.
    """
    try:
        raw = msgspec.json.decode(data, type=dict[str, Any])
        for place in (raw.get("active"), raw.get("previous"), raw.get("trial"), *raw["refused"]):
            if place:
                _forget_what_is_newer(place["release"])
        data = msgspec.json.encode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
        pass  # which is told of by the document itself
    return documents.decode(data, Record, what, StorageError)


def _forget_what_is_newer(release: dict[str, Any]) -> None:
    """Releases steer a device and are strict; this one was trusted before."""
    for name in release.keys() - set(Release.__struct_fields__):
        del release[name]
    release["schema"] = documents.SCHEMA
