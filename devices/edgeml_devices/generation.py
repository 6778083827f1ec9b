"""The number of the next release; see docs/decisions/0004-generations.md."""

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from edgeml.errors import InputError
from edgeml.limits import LIMITS
from edgeml.release import furthest
from edgeml.telemetry import State


def next_generation(
    retained: bytes | None, unix_seconds: int, *, told: int = 0, asked: int | None = None
) -> int:
    """Above the retained release's generation and what devices told, and never below the clock.

    retained: the release at the broker. told: see `told_by`. asked: a generation of the user's own.
    Raises InputError where the clock or what was asked for is further ahead than any device
    believes, or where what was asked for is too low. A retained release that no device believes is
    none.
    """
    before = _generation(retained)
    if before > furthest(told, unix_seconds):
        before = 0
    before = max(before, told)
    if asked is not None:
        most = furthest(before, unix_seconds)
        if not before < asked <= most:
            raise InputError(
                f"A generation must be above the {before} that is known of this channel and at "
                f"most {most}, but {asked} was asked for; choose another --generation."
            )
        return asked
    if unix_seconds > furthest(before, 0):
        newest = datetime.fromtimestamp(max(before, LIMITS.clock_floor_seconds), UTC)
        raise InputError(
            f"This machine's clock says {datetime.fromtimestamp(unix_seconds, UTC):%Y-%m-%d}, more "
            f"than ten years after what is known of this channel ({newest:%Y-%m-%d}); set the "
            "clock, or give a --generation."
        )
    return max(before + 1, unix_seconds, LIMITS.clock_floor_seconds)


def told_by(states: Iterable[bytes], model: str, channel: str) -> int:
    """The highest generation of a channel that devices say they have or have refused."""
    known = [0]
    for payload in states:
        try:
            state = msgspec.json.decode(payload, type=State)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        for found in state.models:
            if (found.model, found.channel) == (model, channel):
                known += [found.generation, *(r.generation for r in found.refused_releases)]
    return max(known)


class _Generation(msgspec.Struct):
    """The one field of a retained release that matters here, whatever its schema."""

    generation: int


def _generation(retained: bytes | None) -> int:
    try:
        return msgspec.json.decode(retained, type=_Generation).generation if retained else 0
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 0  # not a release: devices refuse it, the next one replaces it
