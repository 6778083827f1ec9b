"""What is kept of a run, a file for each architecture, so that the next goes on where it ended.

It counts for the same code of edgeml alone: a run at another commit of what converts begins anew.
"""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coverage_models.running import ROOT, Ran, as_document, from_document

CODE = ("edgeml", "converters", "runtime")


def code_version(root: Path = ROOT) -> str:
    """Of the folders that convert, as they stand: their trees in git, and what differs."""
    trees = [_git(root, "rev-parse", f"HEAD:{folder}") for folder in CODE]
    changed = _git(root, "diff", "HEAD", "--", *CODE)
    return hashlib.sha256("\n".join([*trees, changed]).encode()).hexdigest()[:12]


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class State:
    """folder: made if it is not there. version: of the code; results of another are not read."""

    def __init__(self, folder: Path, version: str) -> None:
        self.folder, self.version = folder, version
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> Ran | None:
        """None where there is none, or one of another version or form."""
        try:
            document: Mapping[str, Any] = json.loads(self._path(name).read_text())
            if document["version"] != self.version:
                return None
            return from_document(document["ran"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, ran: Ran) -> None:
        """As a whole or not at all."""
        document = {"version": self.version, "ran": as_document(ran)}
        beside = self._path(ran.name).with_suffix(".part")
        beside.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
        beside.replace(self._path(ran.name))

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.json"
