"""This machine: its processor, and the memory of this process."""

import os
import platform
from pathlib import Path


def cpu() -> str:
    """The processor by its own name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model") and value.strip():
            return " ".join(value.split())
    return platform.machine()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


class PeakMemory:
    """The rise of this process's peak of resident memory since this object was created.

    The kernel forgets an older peak when 5 is written to clear_refs (man 5 proc); where that is
    not allowed the older peak stays, and a rise below it cannot be seen.
    """

    def __init__(self) -> None:
        try:
            Path("/proc/self/clear_refs").write_text("5")
            self._before = _status_kib("VmRSS")
        except PermissionError:
            self._before = _status_kib("VmHWM")

    def mib(self) -> float:
        return max(0, _status_kib("VmHWM") - self._before) / 1024


def _status_kib(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {field}")
