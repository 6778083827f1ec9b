"""Writes docs/models.md: converts the seven small models of both frameworks, in five minutes, the
members with a truth of their own, in five more, and the real models, in twenty.

--train: trains the small models anew before, and keeps these weights instead of those that are
there; scripts/generate_curves.py does it for the members. --members, --real: converts these alone.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.converters.zoo.conversions import convert_all, make_all  # noqa: E402
from tests.converters.zoo.members import rows as members  # noqa: E402
from tests.converters.zoo.members.conversions import convert_members  # noqa: E402
from tests.converters.zoo.real import rows as real  # noqa: E402
from tests.converters.zoo.real.conversions import convert_reals  # noqa: E402
from tests.converters.zoo.table import PAGE, page, placed, sections  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", action="store_true")
    parser.add_argument("--members", action="store_true")
    parser.add_argument("--real", action="store_true")
    asked = parser.parse_args()
    chosen = asked.members or asked.real
    if not chosen:
        write_models(asked.train)
    if asked.members or not chosen:
        write_members()
    if asked.real or not chosen:
        write_real()


def write_models(train: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        zoos = make_all(Path(name))
        if train:
            for zoo in zoos.values():
                print(f"models: {zoo.train()}", file=sys.stderr, flush=True)
        with convert_all(zoos) as running:
            reports = {}
            for key, future in running.items():
                reports[key] = future.result()
                print(f"models: {key[0]} {key[1]}", file=sys.stderr, flush=True)
    PAGE.write_text(page(reports) + sections(PAGE.read_text()))


def write_members() -> None:
    found = []
    with tempfile.TemporaryDirectory() as name, convert_members(Path(name)) as running:
        for key, future in running.items():
            found += future.result()
            print(f"members: {key[0]} {key[1]}", file=sys.stderr, flush=True)
    PAGE.write_text(placed(PAGE.read_text(), members.SECTION, members.section(found)))


def write_real() -> None:
    found = []
    with tempfile.TemporaryDirectory() as name, convert_reals(Path(name)) as running:
        for key, future in running.items():
            found.append(future.result())
            print(f"real: {key}", file=sys.stderr, flush=True)
    PAGE.write_text(placed(PAGE.read_text(), real.SECTION, real.section(found)))


if __name__ == "__main__":
    main()
