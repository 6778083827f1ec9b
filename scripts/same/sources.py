"""What is converted: models and data in one folder, made once and given to both commits."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tests.converters import torch_models
from tests.converters.commands import write_data
from tests.converters.zoo import zoo
from tests.converters.zoo.real.paper import words
from tests.converters.zoo.real.real import SOURCES as REAL
from tests.converters.zoo.real.sound import stream, tones

PROGRAM = "program.pt2"


def make(folder: Path) -> str:
    """Makes the sources in `folder`, unless they stand there; the digest of all of them.

    Their paths and their bytes are in what a conversion leaves, so they are never made twice: a
    trained model's file may hold a time, and the tests' folders may move between the commits.
    """
    stamp = folder.with_suffix(".sha256")
    if not stamp.is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        steps: list[Callable[[], object]] = [
            lambda: _zoo(folder / "torch", "torch"),
            lambda: _zoo(folder / "keras", "keras"),
            lambda: _files(folder, "torch"),
            lambda: _files(folder, "keras"),
            lambda: _data(folder / "data"),
        ]
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(step) for step in steps]:
                done.result()
        shutil.copy(REAL, folder / "real_sources.py")
        _under_dvc(folder / "torch-files" / PROGRAM)
        stamp.write_text(_digest(folder))
    if stamp.read_text() != _digest(folder):
        raise SystemExit(f"{folder} was changed since it was made; remove {stamp} to make it anew.")
    return stamp.read_text()


def _zoo(folder: Path, framework: zoo.Framework) -> None:
    folder.mkdir()
    zoo.make(folder, framework)


def _files(folder: Path, framework: zoo.Framework) -> None:
    """The tests' other models as sources, and the files that they are saved as."""
    program = folder / f"{framework}_models.py"
    shutil.copy(Path(torch_models.__file__).with_name(program.name), program)
    made = folder / f"{framework}-files"
    made.mkdir()
    command = [sys.executable, "-W", "ignore", str(program), str(made)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{program.name} failed: {done.stderr[-2000:]}")


def _data(folder: Path) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    images = rng.normal(size=(96, 1, 8, 8)).astype(np.float32)
    labels, groups = rng.integers(0, 10, 96), rng.integers(0, 3, 96)
    np.savez(folder / "digits.npz", image=images, labels=labels)
    np.savez(folder / "grouped.npz", image=images, labels=labels, group=groups)
    np.savez(folder / "nan.npz", image=np.where(images > 3, np.nan, images))
    write_data(folder / "digits-last.npz", image=(8, 8, 1))
    write_data(folder / "pair.npz", left=(6,), right=(6,))
    write_data(folder / "pair-last.npz", image=(8, 8, 1), extra=(3,))
    write_data(folder / "blur-last.npz", image=(6, 4, 3), gain=(1,))
    write_data(folder / "v1.npz", x=(3,))
    np.savez(folder / "tones.npz", input_2=tones((48, 55, 60, 64, 69, 76)))
    np.savez(folder / "words.npz", x=words(("edgeml", "parity", "canary"), 48, 192))
    states = rng.normal(0, 0.3, (60, 2, 128)).astype(np.float32)
    np.savez(folder / "sound.npz", sound=stream(60), state=states)
    np.savez(folder / "mels.npz", mels=np.abs(rng.normal(0, 0.05, (12, 16, 40)).astype("f4")))
    image = {"name": "image", "dtype": "float32", "shape": ["batch", 1, 8, 8], "range": [0, 1]}
    output = {"name": "output", "dtype": "float32", "shape": ["batch", 10]}
    contract = {"schema": 1, "inputs": [image], "outputs": [output]}
    (folder / "contract.json").write_text(json.dumps(contract))


def _under_dvc(file: Path) -> None:
    md5, size = hashlib.md5(file.read_bytes()).hexdigest(), file.stat().st_size
    record = f"outs:\n- md5: {md5}\n  size: {size}\n  hash: md5\n  path: {file.name}\n"
    file.with_name(f"{file.name}.dvc").write_text(record)


def _digest(folder: Path) -> str:
    found = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            found.update(f"{file.relative_to(folder)}\0".encode())
            found.update(hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()
