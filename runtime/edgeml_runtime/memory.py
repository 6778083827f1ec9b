"""Memory of a process that loads and drops models for years: glibc told to give it back."""

import ctypes
from pathlib import Path

# From malloc.h; the numbers are part of glibc's ABI.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8

MMAP_THRESHOLD_BYTES = 64 << 10


def _libc() -> ctypes.CDLL | None:
    """glibc, or None on a system with another C library, where there is nothing to tune."""
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None


def configure() -> None:
    """To be called once, before the first thread: one arena, large blocks mapped on their own.

    Arenas of threads that came and went keep the memory of every model that they loaded; mapped
    blocks go back to the system when they are freed.
    """
    libc = _libc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, 1)
        libc.mallopt(_M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * MMAP_THRESHOLD_BYTES)


def trim() -> None:
    """Returns free heap pages to the system; it takes milliseconds, so never while predicting."""
    libc = _libc()
    if libc is not None:
        libc.malloc_trim(0)


def rss_bytes() -> int:
    """Resident memory of this process in bytes, mapped files included."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmRSS")
