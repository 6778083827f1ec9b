"""The seven small models in both frameworks: trained, converted in every precision, and each
variant either says the same or is refused for a reason; docs/models.md says which."""

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from itertools import product
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edgeml import digests
from edgeml.conversion import ConversionReport
from edgeml.package import Package
from edgeml.packing import pack
from edgeml_runtime.swap.loader import check_holdout, open_engine
from tests.converters.commands import convert
from tests.converters.zoo.conversions import Key, convert_all, make_all
from tests.converters.zoo.table import FORMATS, PRECISIONS, TITLES, cell, reason, verdicts, written
from tests.converters.zoo.zoo import FRAMEWORKS, NAMES, Framework, Zoo
from tests.converters.zoo.zoo_data import TASKS

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
    return make_all(tmp_path_factory.mktemp("zoo"))


@pytest.fixture(scope="session")
def conversions(zoos: dict[Framework, Zoo]) -> Iterator[dict[Key, Future[ConversionReport]]]:
    """Under way from the start; a test waits for its own."""
    with convert_all(zoos) as running:
        yield running


@pytest.mark.parametrize("framework", [pytest.param(f, marks=MARKS[f]) for f in FRAMEWORKS])
def test_each_model_has_learned_its_task(zoos: dict[Framework, Zoo], framework: Framework) -> None:
    scores = zoos[framework].scores()
    assert scores.keys() == set(NAMES)
    assert all(score >= LEAST.get(name, 0.85) for name, score in scores.items()), scores


@pytest.mark.parametrize("key", MODELS)
def test_each_model_passes_in_fp32_on_every_engine(
    conversions: dict[Key, Future[ConversionReport]], key: Key
) -> None:
    """10 dB within the limit of rounding."""
    variants = {v.id: v for v in conversions[key].result().variants}
    engines = {"onnx": {"onnxruntime"}, "tflite": {"tflite", "litert"}}
    for form in FORMATS:
        variant = variants[f"{form}-fp32"]
        output = TASKS[key[1]]().output
        assert variant.passed and variant.outputs == {output: output}
        assert variant.routes[-1].error is None
        assert variant.batch == {"onnx": None, "tflite": 1}[form]
        agreeing = [row for row in variant.engines if row.passed]
        assert {row.engine for row in agreeing} == engines[form]
        for found in (output for row in agreeing for output in row.outputs):
            assert found.share <= 0.1


@pytest.mark.parametrize("key", MODELS)
def test_each_variant_says_the_same_or_is_refused_for_the_reason_in_the_docs(
    conversions: dict[Key, Future[ConversionReport]], key: Key
) -> None:
    documented = verdicts(written())
    report = conversions[key].result()
    assert [v.id for v in report.variants] == [f"{f}-{p}" for f in FORMATS for p in PRECISIONS]
    for variant in report.variants:
        where = TITLES[key[0]], TITLES[variant.format], key[1], variant.precision
        refused = reason(variant)
        found = "passed" if refused is None else f"refused: {refused}"
        assert found == documented[where], f"{variant.id}: {cell(variant)}; {variant.findings}"
        if variant.passed and variant.precision != "fp32":
            assert variant.coverage is not None


@pytest.mark.parametrize("key", MODELS)
def test_each_variant_passes_its_self_test_on_every_engine_and_level(
    zoos: dict[Framework, Zoo],
    conversions: dict[Key, Future[ConversionReport]],
    tmp_path: Path,
    key: Key,
) -> None:
    """Levels, and the two engines of TFLite, round differently, as processors do."""
    conversions[key].result()
    folder = zoos[key[0]].folder / f"{key[1]}-out"
    pack(folder, "zoo", "1", tmp_path / "zoo-1.edgeml", passed_only=True)
    with Package(tmp_path / "zoo-1.edgeml") as package:
        variants, samples, contract = (
            package.manifest.variants, package.holdout(), package.contract()
        )  # fmt: skip
    assert {proven for proven in samples.noise} == {
        (variant.id, required.engine) for variant in variants for required in variant.requires
    }
    for variant in variants:
        entry = folder / variant.entry.removeprefix("variants/")
        for proven, runs in product(variant.requires, variant.requires):
            noise = {(variant.id, runs.engine): samples.noise[variant.id, proven.engine]}
            for level in dict.fromkeys((runs.optimisation, "disabled")):
                required = msgspec.structs.replace(runs, optimisation=level)
                here = msgspec.structs.replace(variant, requires=(required,))
                engine = open_engine(runs.engine, here, entry, contract)
                elsewhere = replace(samples, noise=noise)
                for asked in (elsewhere, elsewhere.first()):
                    check_holdout(engine, here, asked, contract)


@pytest.mark.tensorflow
@pytest.mark.parametrize("name", ["residual_cnn", "transformer"])
def test_a_keras_model_gives_the_same_onnx_file_each_time(
    zoos: dict[Framework, Zoo],
    conversions: dict[Key, Future[ConversionReport]],
    tmp_path: Path,
    name: str,
) -> None:
    """tf2onnx names tensors in another order in each process, and those of an Einsum by address."""
    zoo = zoos["keras"]
    (first,) = (v for v in conversions["keras", name].result().variants if v.id == "onnx-fp32")
    assert convert(zoo.source(name), zoo.data(name), tmp_path / "again", to=["onnx"]).code == 0
    for file, sha256 in first.sha256.items():
        assert digests.sha256_file(tmp_path / "again" / file) == sha256


def test_the_data_is_the_same_each_time_and_its_parts_do_not_meet(tmp_path: Path) -> None:
    for name, task in TASKS.items():
        first, again = (task().write(tmp_path / f"{name}-{n}.npz") for n in (1, 2))
        assert first.read_bytes() == again.read_bytes()
        with np.load(first) as arrays:
            assert set(arrays) == {task().name, "labels"}
        made = task()
        rows = {row.tobytes() for row in made.train.inputs}
        assert not any(row.tobytes() in rows for row in made.check.inputs)
