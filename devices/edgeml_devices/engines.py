"""The brokers that edgeml can start, each as a configuration and a command, on 127.0.0.1 alone."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeml.limits import LIMITS

HOST = "127.0.0.1"
PAYLOAD_BYTES = LIMITS.blob_bytes_max + 65_536  # the largest blob, its topic and its properties
# mosquitto is often in a folder that only root has in PATH.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))


@dataclass(frozen=True)
class BrokerEngine:
    """A broker program.

    found: whether it is installed. remedy: how to get it. persistent: keeps retained messages in
    its data folder over a restart. command: (port, data folder) -> its command line, with its
    configuration written.
    """

    name: str
    found: Callable[[], bool]
    remedy: str
    persistent: bool
    command: Callable[[int, Path], list[str]]


def _embedded(port: int, data: Path) -> list[str]:
    """rumqttd by iotcore: MQTT 5 needs a TOML file, its plain constructor speaks 3.1.1 only."""
    config = data / "rumqttd.toml"
    config.write_text(f"""\
id = 0

[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 200
max_segment_size = 104857600
max_segment_count = 10

[v5.1]
name = "edgeml"
listen = "{HOST}:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 60000
max_payload_size = {PAYLOAD_BYTES}
max_inflight_count = 100
dynamic_filters = true
""")
    return [sys.executable, "-m", "edgeml_devices.embedded", str(config)]


def _mosquitto(port: int, data: Path) -> list[str]:
    """As root it would become the user mosquitto, who may not write the data folder."""
    config = data / "mosquitto.conf"
    config.write_text(f"""\
listener {port} {HOST}
allow_anonymous true
user {"root" if os.geteuid() == 0 else "mosquitto"}
persistence true
persistence_location {data}/
autosave_interval 5
max_packet_size {PAYLOAD_BYTES}
max_inflight_messages 100
max_queued_messages 10000
max_queued_bytes 67108864
persistent_client_expiration 1d
log_type error
log_type warning
""")
    return [shutil.which("mosquitto", path=_PATH) or "mosquitto", "-c", str(config)]


EMBEDDED = BrokerEngine(
    name="embedded",
    found=lambda: importlib.util.find_spec("iotcore") is not None,
    remedy="install edgeml[broker]",
    persistent=False,
    command=_embedded,
)
MOSQUITTO = BrokerEngine(
    name="mosquitto",
    found=lambda: shutil.which("mosquitto", path=_PATH) is not None,
    remedy="install the package mosquitto of your system (apt-get install mosquitto)",
    persistent=True,
    command=_mosquitto,
)
ENGINES = {engine.name: engine for engine in (EMBEDDED, MOSQUITTO)}
