"""File systems of a few kilobytes, for what must outlive a full disk."""

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.missing import missing


@contextmanager
def small(folder: Path, size: str) -> Generator[Path]:
    """`folder` as a disk of its own of a size as tmpfs takes it: 1m, 64k."""
    if os.geteuid() != 0:
        missing(f"mounting a tmpfs of {size} needs root")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
