"""Daemons in the test's own process."""

import time

from edgeml_runtime.daemon import Daemon


def wait_for(daemon: Daemon, version: str) -> None:
    """Until that version predicts."""
    deadline = time.monotonic() + 240
    while daemon.identity is None or daemon.identity.version != version:
        assert time.monotonic() < deadline, daemon.identity
        time.sleep(0.02)
