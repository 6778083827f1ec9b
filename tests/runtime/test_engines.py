"""One suite that every engine passes: names, batches, threads, refusals."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgeml.errors import ContractError, EngineError, InputError
from edgeml_runtime.engines.base import Engine
from edgeml_runtime.engines.registry import ENGINES, engine_class, probe
from tests import onnx_models
from tests.missing import missing

ASSETS = Path(__file__).parent / "assets"
Array = npt.NDArray[Any]
Open = Callable[..., Engine]


@pytest.fixture(params=ENGINES)
def kind(request: pytest.FixtureRequest) -> type[Engine]:
    """Each engine; one that does not work here is missing."""
    found = probe(request.param)
    if not found.ok:
        missing(str(found.problem))
    return engine_class(request.param)


@pytest.fixture
def file(kind: type[Engine], tmp_path: Path) -> Callable[[int | None], Path]:
    """A file with inputs a, b and outputs total, difference; frozen to a batch, or None for any."""

    def made(batch: int | None) -> Path:
        if kind.format == "onnx":
            return onnx_models.pair(tmp_path / "pair.onnx", batch)
        asset = "pair_any_batch.tflite" if batch is None else f"pair_batch_{batch}.tflite"
        return Path(shutil.copy(ASSETS / asset, tmp_path))

    return made


def pair(batch: int, seed: int = 0) -> dict[str, Array]:
    generator = np.random.default_rng(seed)
    return {name: generator.normal(size=(batch, 3)).astype(np.float32) for name in "ab"}


def assert_answers(found: dict[str, Array], tensors: dict[str, Array]) -> None:
    assert found.keys() == {"total", "difference"}
    np.testing.assert_allclose(found["total"], tensors["a"] + tensors["b"], rtol=1e-6)
    np.testing.assert_allclose(found["difference"], tensors["a"] - tensors["b"], rtol=1e-6)


def test_signature_tells_names_dtypes_and_free_sizes(kind: type[Engine], file: Any) -> None:
    signature = kind(file(None)).signature
    for specs, names in ((signature.inputs, {"a", "b"}), (signature.outputs, None)):
        assert {s.name for s in specs} == (names or {"total", "difference"})
        assert {(s.dtype, s.shape) for s in specs} == {("float32", (-1, 3))}


def test_each_tensor_keeps_its_name_whatever_the_batch(kind: type[Engine], file: Any) -> None:
    engine = kind(file(None))
    for batch in (1, 5, 2, 5, 1):
        tensors = pair(batch, seed=batch)
        assert_answers(engine.run(dict(reversed(tensors.items()))), tensors)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_a_file_frozen_to_one_sample_answers_any_batch(
    kind: type[Engine], file: Any, batch: int
) -> None:
    tensors = pair(batch)
    assert_answers(kind(file(1)).run(tensors), tensors)


def test_names_of_the_contract_stand_for_names_of_the_file(kind: type[Engine], file: Any) -> None:
    engine = kind(
        file(None),
        inputs={"left": "b", "right": "a"},
        outputs={"sum": "total", "gap": "difference"},
    )
    tensors = pair(2)
    found = engine.run({"left": tensors["b"], "right": tensors["a"]})
    assert_answers({"total": found["sum"], "difference": found["gap"]}, tensors)


@pytest.mark.parametrize("names", [{"a": "a", "b": "c"}, {"a": "a"}])
def test_names_that_the_file_has_not_are_refused(
    kind: type[Engine], file: Any, names: dict[str, str]
) -> None:
    with pytest.raises(EngineError, match="package the model again"):
        kind(file(None), inputs=names)


def test_tensors_that_the_file_does_not_take_are_refused(kind: type[Engine], file: Any) -> None:
    engine = kind(file(None))
    good = pair(2)
    for name, value, message in (
        ("a", good["a"].astype(np.float64), "'a' must be float32 of rank 2, but is float64"),
        ("b", good["b"][0], "'b' must be float32 of rank 2, but is float32 of rank 1"),
    ):
        with pytest.raises(ContractError, match=message):
            engine.run(good | {name: value})
    with pytest.raises(ContractError, match="'b' is missing"):
        engine.run({"a": good["a"]})


def test_a_request_that_fails_leaves_the_next_one_unharmed(kind: type[Engine], file: Any) -> None:
    engine = kind(file(None))
    good = pair(2)
    assert_answers(engine.run(good), good)
    with pytest.raises(EngineError, match=f"{kind.name} failed while predicting"):
        engine.run({"a": pair(4)["a"], "b": np.zeros((4, 2), np.float32)})
    assert_answers(engine.run(good), good)


def test_answers_are_the_callers_to_keep(kind: type[Engine], file: Any) -> None:
    engine = kind(file(None))
    first, second = pair(2, seed=1), pair(2, seed=2)
    kept = engine.run(first)
    engine.run(second)
    assert_answers(kept, first)
    kept["total"][:] = 0
    # One that borrows the engine's memory would keep a replaced model's memory alive.
    assert all(array.flags.owndata for array in kept.values())


def test_arrays_need_not_be_contiguous(kind: type[Engine], file: Any) -> None:
    strided = {name: np.asfortranarray(array)[::2] for name, array in pair(6).items()}
    assert_answers(kind(file(None)).run(strided), strided)


@pytest.mark.parametrize("batch", [None, 1])
def test_threads_get_their_own_answers(kind: type[Engine], file: Any, batch: int | None) -> None:
    engine = kind(file(batch))

    def work(seed: int) -> None:
        for _ in range(40):
            tensors = pair(1 + seed % 3, seed)
            assert_answers(engine.run(tensors), tensors)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


@pytest.mark.parametrize("batch", [None, 1])
def test_the_prepared_form_answers_the_same(
    kind: type[Engine], file: Any, tmp_path: Path, batch: int | None
) -> None:
    original = file(batch)
    engine = kind(kind.prepare(original, tmp_path / "prepared"))
    tensors = pair(3)
    assert_answers(engine.run(tensors), tensors)
    assert engine.signature == kind(original).signature


def test_a_file_that_is_no_model_is_refused_in_one_sentence(
    kind: type[Engine], tmp_path: Path
) -> None:
    broken = tmp_path / f"model.{kind.format}"
    broken.write_bytes(b"no model at all " * 64)
    with pytest.raises(EngineError, match=f"^{kind.name} .* refused model.{kind.format}") as caught:
        kind(broken)
    assert "\n" not in str(caught.value)
    with pytest.raises(EngineError, match="is missing"):
        kind(tmp_path / "absent")


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(InputError, match="no engine 'tensorrt'"):
        engine_class("tensorrt")


def test_every_level_of_optimisation_answers_the_same(kind: type[Engine], file: Any) -> None:
    tensors = pair(1)
    original = file(1)
    for level in kind.optimisations:
        prepared = kind.prepare(original, original.parent / level, level)
        for path in (original, prepared):
            assert_answers(kind(path, optimisation=level).run(tensors), tensors)
