"""The seven small models in both frameworks: each is trained, converted and shown to agree."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.converters.commands import Ended, convert
from tests.converters.zoo.zoo import FRAMEWORKS, NAMES, Framework, Zoo, make
from tests.converters.zoo.zoo_data import TASKS

Key = tuple[Framework, str]
# What a model must reach on data that it was not trained on, so that its answers mean something.
LEAST = {"autoencoder": 0.8, "conv_autoencoder": 0.7}
MARKS = {"torch": pytest.mark.torch, "keras": pytest.mark.tensorflow}
MODELS = [
    pytest.param((framework, name), id=f"{framework}-{name}", marks=MARKS[framework])
    for framework in FRAMEWORKS
    for name in NAMES
]


@pytest.fixture(scope="session")
def zoos(tmp_path_factory: pytest.TempPathFactory) -> dict[Framework, Zoo]:
    folders = [tmp_path_factory.mktemp(f"{framework}-zoo") for framework in FRAMEWORKS]
    with ThreadPoolExecutor(len(FRAMEWORKS)) as pool:
        return dict(zip(FRAMEWORKS, pool.map(make, folders, FRAMEWORKS), strict=True))


@pytest.fixture(scope="session")
def conversions(zoos: dict[Framework, Zoo]) -> Iterator[dict[Key, Future[Ended]]]:
    """Every conversion, two at a time; a test waits for its own."""
    with ThreadPoolExecutor(2) as pool:
        yield {
            (framework, name): pool.submit(
                convert, zoo.source(name), zoo.data(name), zoo.folder / f"{name}-out"
            )
            for framework, zoo in zoos.items()
            for name in NAMES
        }


@pytest.mark.torch
@pytest.mark.tensorflow
@pytest.mark.parametrize("name", NAMES)
def test_each_model_has_learned_its_task(zoos: dict[Framework, Zoo], name: str) -> None:
    for zoo in zoos.values():
        assert zoo.scores[name] >= LEAST.get(name, 0.85)


@pytest.mark.parametrize("key", MODELS)
def test_each_model_passes_parity_in_both_formats(
    conversions: dict[Key, Future[Ended]], key: Key
) -> None:
    ended = conversions[key].result()
    assert ended.code == 0, ended.err
    onnx, tflite = ended.report["variants"]
    assert (onnx["id"], tflite["id"]) == ("onnx-fp32", "tflite-fp32")
    for variant in (onnx, tflite):
        assert variant["passed"] and variant["outputs"] == {_output(key): _output(key)}
        assert variant["routes"][-1]["error"] is None
        rows = [row for engine in variant["engines"] for row in engine["outputs"]]
        worst = max(row["max_abs"] / row["limit_abs"] for row in rows)
        assert worst <= 0.1, f"{variant['id']} is off by {worst:.2g} of what is allowed"
    assert [e["engine"] for e in onnx["engines"]] == ["onnxruntime"]
    assert [e["engine"] for e in tflite["engines"]] == ["tflite", "litert"]
    assert (onnx["batch"], tflite["batch"]) == (None, 1)


def _output(key: Key) -> str:
    return TASKS[key[1]]().output


def test_the_data_is_the_same_each_time_and_its_parts_do_not_meet(tmp_path: Path) -> None:
    for name, task in TASKS.items():
        first, again = (task().write(tmp_path / f"{name}-{n}.npz") for n in (1, 2))
        assert first.read_bytes() == again.read_bytes()
        with np.load(first) as arrays:
            assert ("labels" in arrays) == (task().output == "logits")
        made = task()
        rows = {row.tobytes() for row in made.train.inputs}
        assert not any(row.tobytes() in rows for row in made.check.inputs)
