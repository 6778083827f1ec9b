"""Shows that `edgeml convert` makes the same at two commits, byte for byte.

    .venv/bin/python scripts/same_conversions.py BEFORE AFTER [--keep DIR] [--quick] [--only NAME]

runs the cases of same/cases.py with both commits and ends with 1 where something differs. Of one
commit twice, two independent runs are compared. Needs what scripts/test installs.
"""

import argparse
import fcntl
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from same import sources  # noqa: E402
from same.cases import CASES, QUICK, Case  # noqa: E402
from same.differences import compare  # noqa: E402
from same.ignored import IGNORED  # noqa: E402
from same.side import TERMINAL, Place, run  # noqa: E402

UNFORESEEN = "1"  # the exit code for what edgeml did not foresee: it says nothing about a model


def main() -> None:
    asked = _arguments()
    names = [name for name in CASES if _is_asked(name, asked.only, asked.quick)]
    if not names:
        raise SystemExit(f"There is no such case; there are {', '.join(CASES)}.")
    before, after = _commit(asked.before), _commit(asked.after)
    cases = [CASES[name] for name in names]
    with ExitStack() as until_the_end:
        folder = asked.keep or Path(
            until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="same-conversions-"))
        )
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        lock = until_the_end.enter_context((folder / "lock").open("w"))
        fcntl.flock(lock, fcntl.LOCK_EX)
        place = Place(folder, sources.make(folder / "sources"))
        first = run(place, before, before, cases)
        second = run(place, after, after if after != before else f"{after}-again", cases)
        sys.exit(0 if _print(first, second, cases) else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", help="a commit")
    parser.add_argument("after", help="a commit")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="keep sources and results here, by commit, and use those that are there",
    )
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="a case, or a pattern as zoo-torch-*"
    )
    return parser.parse_args()


def _is_asked(name: str, only: Sequence[str] | None, quick: bool) -> bool:
    chosen = only is None or any(fnmatch(name, pattern) for pattern in only)
    return chosen and (not quick or name in QUICK)


def _commit(named: str) -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", f"{named}^{{commit}}"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{named} is no commit of this checkout.")
    return done.stdout.strip()


def _print(first: Path, second: Path, cases: Sequence[Case]) -> bool:
    """The table, and what was ignored; whether everything is the same."""
    ignored: Counter[str] = Counter()
    same = True
    print(f"{'conversion':30}{'ended with':28}{'files':>5}  verdict")
    for case in cases:
        found = compare(first / case.name, second / case.name)
        ignored += found.ignored
        codes = [
            p.read_text().strip() for p in sorted((first / case.name / TERMINAL).glob("*.code"))
        ]
        verdict = f"differs: {found.first}" if found.first else "same"
        if UNFORESEEN in codes:
            verdict = f"unforeseen; {verdict}"
        same &= verdict == "same"
        print(f"{case.name:30}{' '.join(codes):28}{found.files:5}  {verdict}")
    for rule in IGNORED:
        print(f"ignored in {ignored[rule.name]} files {rule.files}: {rule.name}, {rule.reason}")
    return same


if __name__ == "__main__":
    main()
