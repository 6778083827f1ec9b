"""Fixtures that more than one folder of tests uses."""

from collections.abc import Iterator

import pytest

from edgeml_devices.broker import Broker
from tests.brokers import BROKERS, running


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.broker) for name in BROKERS])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker of its own for each test, once per engine; `broker.url`, `broker.restart()`."""
    yield from running(request.param)
