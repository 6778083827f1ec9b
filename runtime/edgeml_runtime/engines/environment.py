"""What a verdict of this device rests on, so that it is asked again where that has changed."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgeml import digests

DISTRIBUTIONS = {
    "onnxruntime": "onnxruntime",
    "tflite": "tflite-runtime",
    "litert": "ai-edge-litert",
}
_MEMORY_UNIT = 1 << 26  # what firmware and kernel keep of it for themselves may vary


def made_by(engine: str) -> str:
    """The engine's version and the processor: what it prepares elsewhere may be wrong here, or
    crash."""
    return f"{engine} {version_of(engine)} on {processor()}"


def environment(*options: object) -> str:
    """A digest of all engines here, the processor, the memory and the options given."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // _MEMORY_UNIT
    found = [processor(), pages, *(version_of(engine) for engine in DISTRIBUTIONS), *options]
    return digests.sha256(repr(found).encode())[:16]


def processor() -> str:
    """Its architecture and a digest of what it can do, the same on every core of a board."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    kinds = ("model name", "flags", "Features", "CPU part", "CPU implementer")
    told = sorted({line for line in lines if line.split("\t")[0].strip(" :") in kinds})
    return f"{platform.machine()} {digests.sha256(repr(told).encode())[:12]}"


def version_of(engine: str) -> str:
    """Of the library that is installed here, which is not loaded for it; "missing" without one."""
    try:
        return version(DISTRIBUTIONS.get(engine, engine))
    except PackageNotFoundError:
        return "missing"
