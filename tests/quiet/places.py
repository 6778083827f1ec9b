"""The folders that docs/runtime.md names, as they are on this machine."""

import getpass
import re
from collections.abc import Mapping
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "runtime.md"
HEADING = "## What stays on the machine"


def named(environment: Mapping[str, str]) -> list[Path]:
    """For a process with this HOME and TMPDIR."""
    section = PAGE.read_text().partition(f"\n{HEADING}\n")[2].partition("\n## ")[0]
    found = re.findall(r"^\| `([~$/][^`]*)`", section, re.M)
    known = {"~": environment["HOME"], "$TMPDIR": environment["TMPDIR"], "USER": getpass.getuser()}
    return [Path(re.sub(r"~|\$TMPDIR|USER", lambda m: known[m[0]], name)) for name in found]


def unnamed(folder: Path, places: list[Path]) -> list[Path]:
    """What is in `folder` and in none of the named places, nor leads to one."""
    return [
        path
        for path in sorted(folder.rglob("*"))
        if not any(path.is_relative_to(place) or place.is_relative_to(path) for place in places)
    ]
