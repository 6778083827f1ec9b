"""How every document crosses a boundary: typed structs, one canonical JSON form.

Canonical: sorted keys, UTF-8, no white space, no NaN. Documents that steer a device (contract,
manifest, release) inherit `Strict` and reject unknown fields and newer schemas: what one does not
understand one does not obey. Telemetry and what a device keeps for itself inherit `Open`: they
ignore what they do not know, and one schema more than their own, so that an old monitor
understands a newer device and a daemon that was put back its own state. Every reader reads the
schema before its own.
"""

import re
from typing import TypeVar

import msgspec

from edgeml.errors import EdgemlError, VerificationError

SCHEMA = 1


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A document or a part of one that rejects fields it does not know."""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """A document or a part of one that ignores fields it does not know, and the schema after its
    own."""


Document = TypeVar("Document", bound=msgspec.Struct)


def encode(document: msgspec.Struct) -> bytes:
    """The canonical JSON bytes of `document`; equal documents give equal bytes."""
    return msgspec.json.encode(document, order="sorted")


def encode_pretty(document: msgspec.Struct) -> str:
    """Indented JSON for people and for `--json`."""
    return msgspec.json.format(encode(document), indent=2).decode()


def _words(kind: type[msgspec.Struct]) -> str:
    """ConversionReport -> conversion report."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()


def decode(
    data: bytes,
    kind: type[Document],
    what: str,
    error: type[EdgemlError] = VerificationError,
) -> Document:
    """`data` as a `kind` of this schema; `what` names it in the message of the `error` raised."""
    try:
        document = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise error(
            f"{what} is not a {_words(kind)} of schema {SCHEMA}: {cause}; "
            "make it again with this version of edgeml."
        ) from cause
    check_schema(kind, getattr(document, "schema", SCHEMA), what, error)
    return document


def check_schema(
    kind: type[msgspec.Struct], schema: int, what: str, error: type[EdgemlError]
) -> None:
    """Raises `error` for a schema that a reader of `kind` does not read."""
    newest = SCHEMA if issubclass(kind, Strict) else SCHEMA + 1
    oldest = max(1, SCHEMA - 1)
    if not oldest <= schema <= newest:
        reads = f"{oldest}" if oldest == newest else f"{oldest} to {newest}"
        raise error(
            f"{what} has schema {schema} but this edgeml reads schema {reads}; "
            "upgrade edgeml here or publish with a matching version."
        )
