"""How every document crosses a boundary: typed structs, one canonical JSON form.

Canonical: sorted keys, UTF-8, no white space, no NaN. Documents that steer a device (contract,
manifest, release) inherit `Strict` and reject unknown fields; telemetry inherits `Open` and
ignores them, so that an old monitor understands a newer device.
"""

import re
from typing import TypeVar

import msgspec

from edgeml.errors import EdgemlError, VerificationError

SCHEMA = 1


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A document or a part of one that rejects fields it does not know."""


class Open(msgspec.Struct, frozen=True, kw_only=True):
    """A document or a part of one that ignores fields it does not know."""


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
    schema = getattr(document, "schema", SCHEMA)
    if schema != SCHEMA:
        raise error(
            f"{what} has schema {schema} but this edgeml reads schema {SCHEMA}; "
            "upgrade edgeml here or publish with a matching version."
        )
    return document
