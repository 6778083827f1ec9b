"""Writes docs/curves.md and docs/curves.svg: damages the zoo's members and judges what they answer,
in five minutes.

--train: trains these members, or all, anew before, and keeps their weights instead of those that
are there.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from tests.converters.zoo.members.members import BY_NAME, train  # noqa: E402
from tests.converters.zoo.members.page import (  # noqa: E402
    PAGE,
    PICTURE,
    SEEDS,
    curves,
    page,
    seeded,
)
from tests.converters.zoo.members.picture import picture  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", nargs="*", choices=[*BY_NAME], metavar="NAME")
    torch.set_num_threads(1)  # the nets are so small that more only wait for each other
    names = parser.parse_args().train
    if names is not None:
        train(names)
    found = curves()
    PICTURE.write_text(picture(found), encoding="utf-8")
    PAGE.write_text(page(found, seeded(range(SEEDS))), encoding="utf-8")


if __name__ == "__main__":
    main()
