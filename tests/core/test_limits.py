"""Limits fit each other and the road that they are made for."""

import dataclasses

from edgeml.limits import LIMITS, Limits

UNITS = ("_bytes", "_bytes_max", "_max_bytes", "_seconds", "_blobs", "_attempts")


def test_every_limit_carries_its_unit_and_is_positive() -> None:
    for field in dataclasses.fields(Limits):
        assert field.name.endswith(UNITS), field.name
        assert getattr(LIMITS, field.name) > 0


def test_limits_cannot_be_changed() -> None:
    assert Limits.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_messages_fit_a_128_kib_broker() -> None:
    """AWS IoT Core takes 128 KiB, topic and properties included."""
    room = 128 * 1024 - 1024
    assert max(LIMITS.blob_bytes, LIMITS.manifest_max_bytes, LIMITS.release_max_bytes) <= room


def test_a_default_blob_is_an_allowed_blob() -> None:
    assert LIMITS.blob_bytes <= LIMITS.blob_bytes_max
    assert LIMITS.release_max_bytes <= LIMITS.manifest_max_bytes
