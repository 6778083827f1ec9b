"""Writes docs/models.md: converts the seven small models of both frameworks, in ten minutes."""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.converters.zoo.conversions import convert_all, make_all  # noqa: E402
from tests.converters.zoo.table import PAGE, page  # noqa: E402


def main() -> None:
    with tempfile.TemporaryDirectory() as name, convert_all(make_all(Path(name))) as running:
        reports = {}
        for key, future in running.items():
            reports[key] = future.result()
            print(f"models: {key[0]} {key[1]}", file=sys.stderr, flush=True)
    PAGE.write_text(page(reports))


if __name__ == "__main__":
    main()
