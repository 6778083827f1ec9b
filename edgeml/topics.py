"""Every MQTT topic of edgeml, and nothing else knows one.

edgeml/v1/<fleet>/rel/<model>/<channel>   retained QoS 1   release pointer
edgeml/v1/<fleet>/man/<sha256>            retained QoS 1   immutable manifest
edgeml/v1/<fleet>/blob/<sha256>           retained QoS 1   immutable bytes
edgeml/v1/<fleet>/dev/<id>/state          retained QoS 1   birth and state; will = offline
edgeml/v1/<fleet>/dev/<id>/report         QoS 1            telemetry report
edgeml/v1/<fleet>/dev/<id>/event          QoS 1            state transitions, incidents
"""

from dataclasses import dataclass

from edgeml import digests, names

ROOT = "edgeml/v1"
DEVICE_KINDS = ("state", "report", "event")


def _digest(value: str) -> str:
    if not digests.is_sha256(value):
        raise ValueError(f"a blob's address is 64 lower-case hex digits, not {value!r}")
    return value


def _kind(value: str) -> str:
    if value not in DEVICE_KINDS:
        raise ValueError(f"a device speaks of {', '.join(DEVICE_KINDS)}, not of {value!r}")
    return value


@dataclass(frozen=True)
class DeviceTopic:
    """A parsed topic of one device; `kind` is state, report or event."""

    device: str
    kind: str


class Topics:
    """The topics of one fleet."""

    def __init__(self, fleet: str) -> None:
        self.fleet = names.check("fleet", fleet)
        self._base = f"{ROOT}/{fleet}"

    def release(self, model: str, channel: str) -> str:
        return f"{self._base}/rel/{names.check('model', model)}/{names.check('channel', channel)}"

    def manifest(self, sha256: str) -> str:
        return f"{self._base}/man/{_digest(sha256)}"

    def blob(self, sha256: str) -> str:
        return f"{self._base}/blob/{_digest(sha256)}"

    def blob_digest(self, topic: str) -> str | None:
        """The digest that a blob topic of this fleet names, else None."""
        prefix = f"{self._base}/blob/"
        digest = topic[len(prefix) :] if topic.startswith(prefix) else ""
        return digest if digests.is_sha256(digest) else None

    def device(self, device: str, kind: str) -> str:
        return f"{self._base}/dev/{names.check('device', device)}/{_kind(kind)}"

    def state(self, device: str) -> str:
        return self.device(device, "state")

    def report(self, device: str) -> str:
        return self.device(device, "report")

    def event(self, device: str) -> str:
        return self.device(device, "event")

    def all_devices(self, kind: str) -> str:
        """The filter for one kind of message from every device of the fleet."""
        return f"{self._base}/dev/+/{_kind(kind)}"

    def parse_device(self, topic: str) -> DeviceTopic | None:
        """Which device and kind a topic of this fleet belongs to, else None."""
        prefix = f"{self._base}/dev/"
        parts = topic[len(prefix) :].split("/") if topic.startswith(prefix) else []
        if len(parts) != 2 or parts[1] not in DEVICE_KINDS or not names.NAME.fullmatch(parts[0]):
            return None
        return DeviceTopic(parts[0], parts[1])
