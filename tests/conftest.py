"""Fixtures that more than one folder of tests uses."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from edgeml_devices.broker import Broker
from tests.brokers import BROKERS, running

# Two cores that others use too: how long an example took says nothing about the code.
settings.register_profile("edgeml", deadline=None)
settings.load_profile("edgeml")


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.broker) for name in BROKERS])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker of its own for each test, once per engine; `broker.url`, `broker.restart()`."""
    yield from running(request.param)
