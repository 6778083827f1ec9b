"""The number of the next release: it grows whatever clocks and brokers do."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml import documents
from edgeml.errors import InputError, VerificationError
from edgeml.limits import LIMITS
from edgeml.mqtt import Link
from edgeml.release import Release, furthest
from edgeml.telemetry import RefusedRelease
from edgeml.trust import Trusted, Verifier
from edgeml_devices.broker import Broker
from edgeml_devices.generation import next_generation, told_by
from edgeml_devices.publish import publish
from tests.devices.sayings import TOPICS, message, state
from tests.packages import tiny_package

NOW = 1_796_000_000  # November 2026
YEAR = 31_536_000
TIMES = st.integers(0, NOW + 9 * YEAR)


def retained(generation: int) -> bytes:
    return documents.encode(
        Release(
            fleet="f", model="tiny", channel="stable", generation=generation, version="1",
            manifest_sha256="0" * 64,
        )
    )  # fmt: skip


@given(before=TIMES, told=TIMES, now=TIMES)
def test_it_grows_keeps_to_the_clock_and_is_believed(before: int, told: int, now: int) -> None:
    generation = next_generation(retained(before), now, told=told)
    assert generation > max(before, told) and generation >= max(now, LIMITS.clock_floor_seconds)
    verifier = Verifier("f", "tiny", "stable")
    for trusted in (0, before, told):
        data = retained(generation)
        assert verifier.release(data, Trusted(generation=trusted)).generation == generation


@given(st.binary())
def test_what_is_no_release_counts_as_none(garbage: bytes) -> None:
    try:
        msgspec.json.decode(garbage)
    except msgspec.DecodeError:
        assert next_generation(garbage, 5) == LIMITS.clock_floor_seconds


@pytest.mark.parametrize("wrong", [NOW + 30 * YEAR, 1 << 40, (1 << 63) - 1])
def test_a_clock_far_ahead_ends_no_channel(wrong: int) -> None:
    """T7, T8: it was published, and refused for thirty years."""
    verifier = Verifier("f", "tiny", "stable")
    for clock in (0, NOW):  # a device without a clock too
        with pytest.raises(VerificationError, match=r"^\(3\) .* more than ten years ahead"):
            verifier.release(retained(wrong), Trusted(generation=NOW), clock)
    assert next_generation(retained(wrong), NOW) == NOW  # nobody believes it
    if wrong < 1 << 35:
        with pytest.raises(InputError, match=r"clock says 2056-.* set the clock"):
            next_generation(retained(NOW), wrong)
        with pytest.raises(InputError, match="clock says 2056-"):
            next_generation(None, wrong)


@pytest.mark.parametrize(("asked", "good"), [(NOW, False), (NOW + 6, True), (1 << 62, False)])
def test_a_generation_of_the_users_own(asked: int, good: bool) -> None:
    def found() -> int:
        return next_generation(retained(NOW), NOW - YEAR, told=NOW + 5, asked=asked)

    if good:
        assert found() == asked
    else:
        with pytest.raises(InputError, match=rf"above the {NOW + 5} that is known.*--generation"):
            found()


def test_what_devices_tell_is_of_that_channel() -> None:
    refused = RefusedRelease(
        version="3", generation=11, message="no", category="execution", final=True
    )
    states = [
        message(state(model="tiny", generation=9)).payload,
        message(state("pi-2", model="tiny", generation=7, refused_releases=(refused,))).payload,
        message(state("pi-3", model="tiny", channel="canary", generation=50)).payload,
        message(state("pi-4", model="other", generation=60)).payload,
        b"garbage",
    ]
    assert told_by(states, "tiny", "stable") == 11
    assert told_by([], "tiny", "stable") == 0


def test_a_broker_that_lost_its_releases_is_told_by_the_devices(
    broker: Broker, tmp_path: Path
) -> None:
    ahead = furthest(0, 0) - 5  # a clock was nine years fast once
    known: dict[str, Any] = {"model": "tiny", "generation": ahead}
    link = Link(broker.url, "pi-1")
    link.connect()
    said = message(state(**known))
    link.publish(said.topic, said.payload, retain=True, wait_seconds=5)
    package = tiny_package(tmp_path)
    assert publish(package, broker.url, "f", "stable").release.generation == ahead + 1
    asked = publish(package, broker.url, "f", "stable", generation=ahead + 9).release
    assert asked.generation == ahead + 9
    with pytest.raises(InputError, match="above the"):
        publish(package, broker.url, "f", "stable", generation=ahead + 9)
    link.close()
    assert TOPICS.fleet == "f"
