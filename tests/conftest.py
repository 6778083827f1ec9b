"""Fixtures that more than one folder of tests uses."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from edgeml_devices.broker import Broker
from tests.brokers import BROKERS, running
from tests.flow.fleet import Watcher

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

HERE = Path(__file__).parent
# Longest first, so that no core idles at the end.
LONGEST = (
    "converters/zoo/test_zoo.py",
    "converters/test_real_models.py",
    "quiet/test_quiet.py",
    "converters/plugins/test_broken_plugins.py",
    "converters/test_convert_options.py",
    "converters/test_convert_torch.py",
    "flow/test_swap_flow.py",
    "conformance/test_onnx_backend.py",
    "converters/test_convert_tensorflow.py",
    "converters/test_public_architectures.py",
    "converters/zoo/members/test_members.py",
    "converters/zoo/real/test_real.py",
    "flow/test_readme.py",
    "converters/test_convert_sources.py",
    "converters/quantise/test_tflite.py",
    "converters/quantise/test_onnx.py",
    "core/test_bare.py",
    "night/test_power.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {HERE / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path, len(order)))


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.broker) for name in BROKERS])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """A broker of its own for each test, once per engine; `broker.url`, `broker.restart()`."""
    yield from running(request.param)


@pytest.fixture
def watcher(broker: Broker) -> Iterator[Watcher]:
    """Hears what devices of the tests' fleet say at `broker`."""
    watcher = Watcher(broker.url)
    yield watcher
    watcher.close()
