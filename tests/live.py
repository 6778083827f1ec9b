"""Devices in the test's own process."""

import time

from edgeml_runtime.device import Device


def wait_for(device: Device, version: str) -> None:
    """Until that version predicts."""
    deadline = time.monotonic() + 240
    while (identity := device.live().identity) is None or identity.version != version:
        assert time.monotonic() < deadline, identity
        time.sleep(0.02)
