"""Limits that more than one part obeys, each with its unit in its name."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Defaults for a stock broker and a Raspberry Pi; each is an argument where it is used."""

    blob_bytes: int = 128_000  # AWS IoT Core's message limit is 128 KiB
    blob_bytes_max: int = 1_048_576
    manifest_max_bytes: int = 128_000  # a manifest is one message, like a blob
    release_max_bytes: int = 8_192
    fetch_window_blobs: int = 8  # asked for at once; what a killed daemon fetches again at most
    fetch_window_seconds: float = 30.0  # without one new blob in this time the window is stalled
    stage_wall_seconds: float = 120.0
    trial_attempts: int = 3  # interrupted swaps of one generation before it is rejected
    broker_connect_seconds: float = 10.0
    clock_floor_seconds: int = 1_790_000_000  # Unix time; no clock that is right is behind it
    generation_ahead_seconds: int = 315_360_000  # ten years; what is further is not believed


LIMITS = Limits()
