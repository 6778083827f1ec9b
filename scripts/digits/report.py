"""The demo's last page: counts, accuracy, swap times, latencies."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from summary import AROUND_SECONDS, Recording, percentiles_us

from edgeml.telemetry import Event


def predictions_table(
    recordings: Mapping[str, Recording], labels: Mapping[str, npt.NDArray[np.int64]]
) -> Table:
    """One row a device and version; `labels` by device. A failed or lost one has no version."""
    table = Table("device", "failed", "lost", "version", "predictions", "accuracy on replay")
    for device, recording in recordings.items():
        whole = (device, f"{recording.failed}", f"{recording.lost}")
        for version in recording.versions():
            accuracy, count = recording.accuracy(version, labels[device])
            table.add_row(*whole, version, f"{count}", f"{accuracy:.2%}")
            whole = ("", "", "")
    return table


def latency_table(recordings: Mapping[str, Recording]) -> Table:
    table = Table("device", "when", "p50 µs", "p99 µs", "p99.9 µs")
    for device, recording in recordings.items():
        for when, around in (("steady", False), (f"±{AROUND_SECONDS:g} s of a swap", True)):
            found = percentiles_us([recording], around)
            if found is not None:
                table.add_row(device, when, *(f"{value:.0f}" for value in found))
    return table


def print_summary(
    recordings: Mapping[str, Recording],
    labels: Mapping[str, npt.NDArray[np.int64]],
    swaps: Sequence[Event],
    refusals: Mapping[str, str],
) -> None:
    console = Console()
    console.rule("What the devices predicted")
    console.print(predictions_table(recordings, labels))
    console.print(latency_table(recordings))
    console.rule("What the monitor was told")
    for event in swaps:
        took = f"{event.duration_ms:.0f} ms" if event.duration_ms else "no time given"
        console.print(f"{event.device} took up version {event.version} in {took}: {event.message}")
    for device, reason in refusals.items():
        console.print(f"{device} refused: {reason}", highlight=False)
