"""Memory of a process that loads and drops models for years: glibc told to give it back."""

import ctypes
from pathlib import Path

_M_ARENA_MAX = -8  # malloc.h; part of glibc's ABI


def _libc() -> ctypes.CDLL | None:
    """glibc, or None on a system with another C library, where there is nothing to tune."""
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None


def configure() -> None:
    """To be called once, before the first thread: one arena of malloc for all threads.

    Arenas of loader threads keep the memory of every model that was loaded in them. A low mmap
    threshold would give blocks back sooner, but then each large buffer of a request is mapped and
    faulted in anew: docs/decisions/0002.
    """
    libc = _libc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, 1)


def trim() -> None:
    """Returns free heap pages to the system; it takes milliseconds, so never while predicting."""
    libc = _libc()
    if libc is not None:
        libc.malloc_trim(0)


def available_bytes() -> int | None:
    """What the system could give without swapping, by its own estimate; None where it has none."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def rss_bytes() -> int:
    """Resident memory of this process in bytes, mapped files included."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmRSS")
