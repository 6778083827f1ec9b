"""What devices would say, made by hand."""

from typing import Any

from edgeml import documents, latency, telemetry
from edgeml.telemetry import Event, ModelState, Report, State
from edgeml.topics import Topics
from edgeml_devices.database import DeviceRow, ModelRow
from edgeml_devices.ingest import Message

FLEET = "f"
TOPICS = Topics(FLEET)
START_MS = 1_700_000_000_000


def model(name: str = "m", **changes: Any) -> ModelState:
    values: dict[str, Any] = {
        "model": name, "channel": "stable", "version": "1", "generation": 7,
        "engine": "onnxruntime", "variant": "onnx-fp32",
    }  # fmt: skip
    return ModelState(**(values | changes))


def state(device: str = "pi-1", **changes: Any) -> State:
    """Of a device with one model; `changes` are those of State or of that model."""
    ours = {name: value for name, value in changes.items() if name in State.__struct_fields__}
    of_model = {name: value for name, value in changes.items() if name not in ours}
    values: dict[str, Any] = {
        "device": device, "boot": "b1", "sequence": 1, "time_ms": START_MS, "online": True,
        "report_seconds": 10.0, "models": (model(**of_model),),
    }  # fmt: skip
    return State(**(values | ours))


def of(row: DeviceRow) -> ModelRow:
    """The one model of a device, as the monitor knows it."""
    (found,) = row.models
    return found


def will(device: str = "pi-1", boot: str = "b1") -> State:
    return State(device=device, boot=boot, sequence=0, time_ms=START_MS, online=False)


def event(device: str = "pi-1", sequence: int = 1, **changes: Any) -> Event:
    values: dict[str, Any] = {
        "device": device, "boot": "b1", "sequence": sequence, "time_ms": START_MS + sequence,
        "kind": "swapped", "model": "m", "message": f"message {sequence}",
    }  # fmt: skip
    return Event(**(values | changes))


def report(
    device: str = "pi-1", sequence: int = 1, latencies_us: list[float] | None = None, **changes: Any
) -> Report:
    """A window of one second, the `sequence`-th since START_MS."""
    latencies = [100.0] * 10 if latencies_us is None else latencies_us
    values: dict[str, Any] = {
        "device": device, "boot": "b1", "sequence": sequence, "model": "m", "version": "1",
        "generation": 7, "start_ms": START_MS + 1000 * sequence, "window_ms": 1000,
        "predictions": len(latencies), "failed": 0, "refused": 0,
        "latency": tuple(latency.counts(latencies).tolist()),
    }  # fmt: skip
    return Report(**(values | changes))


def message(document: State | Event | Report) -> Message:
    match document:
        case State():
            return Message(TOPICS.state(document.device), documents.encode(document))
        case Event():
            return Message(TOPICS.event(document.device), documents.encode(document))
        case Report():
            return Message(TOPICS.report(document.device), telemetry.pack(document))
