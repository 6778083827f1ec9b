"""One commit: its tree, and the folder that each case leaves when it is run with that tree."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from same import libraries
from same.cases import Case

import edgeml as edgeml  # keeps onnxruntime from phoning home, at older commits too

ROOT = Path(__file__).resolve().parents[2]
PYTHON = (*libraries.ONE_LAYOUT, sys.executable)
PROCESSES = 2
COMMAND_SECONDS = 1200
COLUMNS = 200  # so that no table is cut
TERMINAL = "terminal"


@dataclass(frozen=True)
class Place:
    """All that is kept. Both commits have their tree and their working folders at the same paths,
    one after another, so that no path has to be left out of what is compared."""

    folder: Path
    sources_sha256: str

    @property
    def tree(self) -> Path:
        return self.folder / "tree"

    def work(self, case: Case) -> Path:
        return self.folder / "work" / case.name


def run(place: Place, commit: str, name: str, cases: Sequence[Case]) -> Path:
    """The folder NAME with a folder of each case; those that are kept are not run again."""
    kept = place.folder / name
    missing = [case for case in cases if not _is_kept(place, kept / case.name, case)]
    if missing:
        environment = _check_out(place, commit)
        begin = time.monotonic()
        with ThreadPoolExecutor(PROCESSES) as pool:
            running = {
                case.name: pool.submit(_run, place, case, kept, environment) for case in missing
            }
            for case_name, future in running.items():
                seconds = future.result()
                _say(f"{name[:12]}: {case_name} in {seconds:.0f} s")
        _say(f"{name[:12]}: {len(missing)} cases in {(time.monotonic() - begin) / 60:.1f} minutes")
        shutil.rmtree(place.tree)
    return kept


def _check_out(place: Place, commit: str) -> dict[str, str]:
    """Writes the commit's tree and returns the environment in which its packages are imported."""
    shutil.rmtree(place.tree, ignore_errors=True)
    shutil.rmtree(place.folder / "work", ignore_errors=True)
    archive = place.folder / "tree.tar"
    subprocess.run(["git", "-C", ROOT, "archive", "-o", archive, commit], check=True)
    with tarfile.open(archive) as opened:
        opened.extractall(place.tree, filter="data")
    archive.unlink()
    built = tomllib.loads((place.tree / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    packages = [place.tree / name for name in built["targets"]["wheel"]["packages"]]
    first = [*(package.parent for package in packages), libraries.write(place.folder / "libraries")]
    environment = {
        **os.environ,
        # Before the editable install of the checkout.
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(map(str, first))),
        "COLUMNS": str(COLUMNS),
        # A checkout that sources and packages may lie in is not where they come from.
        "GIT_CEILING_DIRECTORIES": os.pathsep.join((str(place.folder), sys.prefix)),
    }
    asked = "; ".join(f"import {p.name}; print({p.name}.__path__[0])" for p in packages)
    found = subprocess.run(
        [*PYTHON, "-c", asked],
        cwd=place.folder, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    if found.stdout.splitlines() != [str(p) for p in packages]:
        raise SystemExit(f"Another tree than {place.tree} would be run: {found.stdout}")
    return environment


def _asked(place: Place, case: Case) -> str:
    asked = {
        "sources": place.sources_sha256,
        "libraries": libraries.HELD_STILL,
        "commands": case.commands,
    }
    return json.dumps(asked, indent=1)


def _is_kept(place: Place, folder: Path, case: Case) -> bool:
    asked = folder.with_suffix(".asked.json")
    return folder.is_dir() and asked.is_file() and asked.read_text() == _asked(place, case)


def _run(place: Place, case: Case, kept: Path, environment: dict[str, str]) -> float:
    """Seconds that it took."""
    begin = time.monotonic()
    work = place.work(case)
    (work / TERMINAL).mkdir(parents=True)
    for number, command in enumerate(case.commands, 1):
        done = subprocess.run(
            [*PYTHON, "-m", "edgeml.cli", *command],
            cwd=work,
            env=environment,
            capture_output=True,
            timeout=COMMAND_SECONDS,
        )
        said = {"code": b"%d\n" % done.returncode, "out": done.stdout, "err": done.stderr}
        for kind, content in said.items():
            (work / TERMINAL / f"{number:02}-{command[0]}.{kind}").write_bytes(content)
    target = kept / case.name
    shutil.rmtree(target, ignore_errors=True)
    kept.mkdir(exist_ok=True)
    work.rename(target)
    target.with_suffix(".asked.json").write_text(_asked(place, case))
    return time.monotonic() - begin


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
