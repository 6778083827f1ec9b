"""The brokers that every test of the road runs on."""

from collections.abc import Iterator

from edgeml_devices.broker import Broker, start_broker
from edgeml_devices.engines import ENGINES
from tests.missing import missing

BROKERS = tuple(ENGINES)  # the values that the fixture `broker` takes


def need(name: str) -> None:
    engine = ENGINES[name]
    if not engine.found():
        missing(f"the {name} broker is not installed: {engine.remedy}")


def running(name: str) -> Iterator[Broker]:
    need(name)
    with start_broker(name) as broker:
        yield broker
