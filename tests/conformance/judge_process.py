"""Judges a part of the cases; its own process, because a model may end it.

    python -m tests.conformance.judge_process PART PARTS SKIP

judges every case whose number leaves PART when divided by PARTS, without the first SKIP of them.
Prints two JSON lines a case: [kind, name], then the outcome.
"""

import json
import sys
import tempfile
from itertools import islice
from pathlib import Path

from tests.conformance.cases import collect
from tests.conformance.judge import judge


def main(part: int, parts: int, skip: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for case in islice(collect(), part + skip * parts, None, parts):
            print(json.dumps([case.kind, case.name]), flush=True)
            print(json.dumps(judge(case, Path(folder))), flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
