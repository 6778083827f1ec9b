"""What the devices recorded, turned into the figures that the demo prints."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

AROUND_SECONDS = 2.0  # "the seconds around the swap": this long before and after


@dataclass(frozen=True)
class Recording:
    """Every prediction of one device, in order."""

    sequence: npt.NDArray[np.int64]
    row: npt.NDArray[np.int64]
    start_ns: npt.NDArray[np.int64]
    latency_us: npt.NDArray[np.float64]
    version: npt.NDArray[np.str_]
    top1: npt.NDArray[np.int64]
    ok: npt.NDArray[np.bool_]

    @classmethod
    def read(cls, path: Path) -> "Recording":
        with path.open(newline="") as stream:
            rows = list(csv.DictReader(stream))

        def column(name: str) -> list[str]:
            return [row[name] or "-1" for row in rows]

        return cls(
            sequence=np.array(column("sequence"), np.int64),
            row=np.array(column("row"), np.int64),
            start_ns=np.array(column("start_ns"), np.int64),
            latency_us=np.array(column("latency_us"), np.float64),
            version=np.array(column("version")),
            top1=np.array(column("top1"), np.int64),
            ok=np.array([status == "ok" for status in column("status")]),
        )

    @property
    def failed(self) -> int:
        return int((~self.ok).sum())

    @property
    def lost(self) -> int:
        """Numbers that the sequence leaves out, at its beginning or between two answers."""
        return int(self.sequence.max() + 1 - len(self.sequence)) if len(self.sequence) else 0

    def versions(self) -> list[str]:
        return list(dict.fromkeys(self.version[self.ok].tolist()))

    def accuracy(self, version: str, labels: npt.NDArray[np.int64]) -> tuple[float, int]:
        """Share of right answers of a version, and how many answers it gave."""
        mine = self.ok & (self.version == version)
        return float((self.top1[mine] == labels[self.row[mine]]).mean()), int(mine.sum())

    def swap_ns(self) -> list[int]:
        """When the first answer of each version but the first was asked for."""
        starts = self.start_ns[self.ok]
        version = self.version[self.ok]
        return [int(starts[i]) for i in np.flatnonzero(version[1:] != version[:-1]) + 1]

    def around_swap(self) -> npt.NDArray[np.bool_]:
        near = np.zeros(len(self.start_ns), bool)
        for moment in self.swap_ns():
            near |= np.abs(self.start_ns - moment) <= AROUND_SECONDS * 1e9
        return near & self.ok


def percentiles_us(recordings: Sequence[Recording], around: bool) -> list[float] | None:
    """p50, p99 and p99.9 over the recordings, around their swaps or elsewhere; None without any."""
    chosen = [
        r.latency_us[r.around_swap()] if around else r.latency_us[r.ok & ~r.around_swap()]
        for r in recordings
    ]
    latencies = np.concatenate(chosen) if chosen else np.empty(0)
    return np.percentile(latencies, [50, 99, 99.9]).tolist() if len(latencies) else None
