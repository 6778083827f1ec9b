"""The brokers that every test of the road runs on."""

import os
from collections.abc import Iterator

import pytest

from edgeml_devices.broker import Broker, start_broker
from edgeml_devices.engines import ENGINES

BROKERS = tuple(ENGINES)  # the values that the fixture `broker` takes


def need(name: str) -> None:
    """Skips on a laptop without this broker; fails in CI, where nothing may be skipped."""
    engine = ENGINES[name]
    if not engine.found():
        reason = f"the {name} broker is not installed: {engine.remedy}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def running(name: str) -> Iterator[Broker]:
    need(name)
    with start_broker(name) as broker:
        yield broker
