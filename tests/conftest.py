"""Fixtures that more than one folder of tests uses."""

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from edgeml_devices.broker import Broker
from tests.brokers import BROKERS, running

# The same wherever it runs, where hypothesis would choose by CI: the same examples each time and no
# memory of earlier runs, so that a result depends on the code alone. How long an example took says
# nothing on cores that others use too. `--hypothesis-profile default` looks for new examples.
settings.register_profile(
    "edgeml",
    settings.get_profile("default"),
    database=None,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("edgeml")


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.broker) for name in BROKERS])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker of its own for each test, once per engine; `broker.url`, `broker.restart()`."""
    yield from running(request.param)
