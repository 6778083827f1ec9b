"""What a process like a worker's makes of float models, and how it is asked."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from edgeml_converters.steps.messages import Quantise, Quantised

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Made:
    """A float model, its answers to `x`, and what each way made of it."""

    entry: Path
    x: Array
    y: Array
    ways: Mapping[str, tuple[Path, Quantised]]


def samples(seed: int, count: int, shape: Sequence[int]) -> npt.NDArray[np.float32]:
    """Standard normal."""
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)


def request(entry: Path, folder: Path, way: str, data: Path, **options: Any) -> Quantise:
    """way: a precision; behind a space, for int8 the calibrator, else "tensor-wise"."""
    precision, _, how = way.partition(" ")
    asked = {
        "format": entry.suffix.removeprefix("."),
        "precision": precision,
        "entry": str(entry),
        "folder": str(folder),
        "calibration": str(data),
        "calibrator": None if how in ("", "tensor-wise") else how,
        "per_channel": how != "tensor-wise",
    }
    return msgspec.convert({**asked, **options}, Quantise)


_ANSWER = """
import sys
import msgspec
from edgeml_converters.steps.messages import Quantise
from edgeml_converters.quantise import quantise
requests = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Quantise])
answers = msgspec.json.encode([quantise(request) for request in requests])
sys.__stdout__.write("\\n" + answers.decode())
"""


def quantise_in_process(requests: Sequence[Quantise], hash_seed: int = 0) -> list[Quantised]:
    """All requests, one after the other, in a process like a worker's."""
    done = subprocess.run(
        [sys.executable, "-c", _ANSWER],
        input=msgspec.json.encode(requests),
        capture_output=True,
        timeout=300,
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed), "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stderr.decode()
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=list[Quantised])


def quantise_all(
    folder: Path,
    entries: Mapping[str, Path],
    ways: Sequence[str],
    draw: Callable[[str, int], Array],
    answer: Callable[[Path, Array], Array],
    seed: int,
) -> dict[str, Made]:
    """Each model in each way: the file of NAME in `way` is in folder/NAME/way.

    draw: the input of a model by its name and a seed; the samples are those of `seed`, and saved as
    folder/NAME.npz, `Made.x` those of the next one. answer: what a float file says to them.
    """
    requests: dict[tuple[str, str], Quantise] = {}
    for name, entry in entries.items():
        data = folder / f"{name}.npz"
        np.savez(data, x=draw(name, seed))
        for way in ways:
            place = folder / name / way.replace(" ", "-")
            requests[name, way] = request(entry, place, way, data)
    done: dict[str, dict[str, tuple[Path, Quantised]]] = {name: {} for name in entries}
    answers = quantise_in_process([*requests.values()])
    for ((name, way), asked), quantised in zip(requests.items(), answers, strict=True):
        done[name][way] = Path(asked.folder) / quantised.entry, quantised
    made: dict[str, Made] = {}
    for name, entry in entries.items():
        x = draw(name, seed + 1)
        made[name] = Made(entry, x, answer(entry, x), done[name])
    return made


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}
