"""Writes docs/models.md: converts the seven small models of both frameworks, in five minutes.

--train: trains them anew before, and keeps these weights instead of those that are there.
"""

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.converters.zoo.conversions import convert_all, make_all  # noqa: E402
from tests.converters.zoo.table import PAGE, coverage, page  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", action="store_true")
    with tempfile.TemporaryDirectory() as name:
        zoos = make_all(Path(name))
        if parser.parse_args().train:
            for zoo in zoos.values():
                print(f"models: {zoo.train()}", file=sys.stderr, flush=True)
        with convert_all(zoos) as running:
            reports = {}
            for key, future in running.items():
                reports[key] = future.result()
                print(f"models: {key[0]} {key[1]}", file=sys.stderr, flush=True)
    PAGE.write_text(page(reports) + coverage(PAGE.read_text()))


if __name__ == "__main__":
    main()
