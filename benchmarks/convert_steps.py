"""Runs edgeml's conversion and prints, as JSON, the seconds of each step without those inside it.

python convert_steps.py SOURCE DATA OUT
"""

import json
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

BEGIN = time.perf_counter()


def main(source: str, data: Path, out: Path) -> None:
    from edgeml_converters.convert import convert, verdict

    steps = {"import edgeml": time.perf_counter() - BEGIN}

    inside = [0.0]  # seconds of the steps inside each step that runs

    @contextmanager
    def timed(step: str) -> Generator[None]:
        begin = time.perf_counter()
        inside.append(0.0)
        yield
        took = time.perf_counter() - begin
        steps[step] = steps.get(step, 0.0) + took - inside.pop()
        inside[-1] += took

    verdict(convert(source, ["onnx"], data, out, progress=timed), out)
    steps["between the steps"] = time.perf_counter() - BEGIN - sum(steps.values())
    print(json.dumps(steps))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
