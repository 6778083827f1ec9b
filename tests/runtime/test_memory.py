"""Memory goes back to the system when models go; each test runs in a process of its own."""

import subprocess
import sys
from pathlib import Path

from edgeml_runtime import memory
from tests import onnx_models

MIB = 1 << 20
ROWS = MIB  # 16 MiB between input and output


def run(program: str, *arguments: str) -> list[float]:
    """The numbers that the program prints."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return [float(word) for word in done.stdout.split()]


def test_rss_grows_by_what_is_touched() -> None:
    before = memory.rss_bytes()
    held = bytearray(b"x") * (64 * MIB)
    assert 60 * MIB < memory.rss_bytes() - before < 80 * MIB
    del held


def test_trimming_gives_freed_blocks_back() -> None:
    # A small block at the end keeps the heap from shrinking by itself.
    grown, trimmed = run("""
from edgeml_runtime import memory
memory.configure()
before = memory.rss_bytes()
blocks = [bytes(50_000) for _ in range(1_000)]
last = bytes(50_000)
del blocks
grown = memory.rss_bytes() - before
memory.trim()
print(grown, memory.rss_bytes() - before)
""")
    assert trimmed < 5 * MIB < 40 * MIB < grown


def test_answers_do_not_keep_the_memory_of_models_that_went(tmp_path: Path) -> None:
    model = onnx_models.roomy(tmp_path / "roomy.onnx", ROWS)
    first, last = run(
        """
import sys
from pathlib import Path
import numpy as np
from edgeml_runtime import memory
from edgeml_runtime.engines.onnx import OnnxEngine
memory.configure()
answers, rss = [], []
for _ in range(6):
    engine = OnnxEngine(Path(sys.argv[1]))
    answers.append(engine.run({"x": np.ones((1, 4), np.float32)})["y"])
    del engine
    memory.trim()
    rss.append(memory.rss_bytes())
print(rss[0], rss[-1])
""",
        str(model),
    )
    assert last - first < ROWS * 16
