"""The search for as few operators in float as are enough, with a quantiser that runs nothing."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edgeml.evidence import TensorFidelity
from edgeml.parity.answers import OutputParity
from edgeml_converters.formats.ops import Op
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants import mixed
from edgeml_converters.variants.mixed import Mixed, by_own_noise, within_half
from edgeml_converters.variants.quantiser import QuantisedFile, Recipe

# A chain: each takes what the one before it gives.
OPS = [
    Op("conv1", "Conv", ("x",), ("a",), weights=400),
    Op("relu", "Relu", ("a",), ("b",)),
    Op("conv2", "Conv", ("b",), ("c",), weights=100),
    Op("add", "Add", ("c",), ("d",)),
]
NOISE = {"x": 48.0, "a": 30.0, "b": 41.0, "c": 20.0, "d": 35.0}
TENSORS = [
    TensorFidelity(name=name, op="", source="", snr_db=10.0, own_snr_db=db)
    for name, db in NOISE.items()
]


@dataclass
class _Quantiser:
    """enough: whether a file with these in float is sound, and layers_enough one that has layers
    with int8 weights besides that take and give floats. nearly: whether nothing speaks against a
    file with these in float, which is not sound; snr_db: its signal to noise; standing: what it is
    not to do, of which the start has 0."""

    enough: Callable[[set[str]], bool]
    layers_enough: Callable[[set[str]], bool] = lambda _layers: False
    nearly: Callable[[set[str]], bool] = lambda _kept: False
    snr_db: Callable[[set[str]], float] = lambda _kept: 0.0
    standing: Callable[[set[str]], int] = lambda _kept: 0
    precision: str = "int8"
    format: str = "onnx"

    def __post_init__(self) -> None:
        self.base = SimpleNamespace(entry=Path("model.onnx"))
        self.made: list[set[str]] = []

    def progress(self, _title: str) -> Any:
        return nullcontext()

    def trace(self, _file: Any, _engine: str) -> Any:
        return TENSORS

    def make_examined(self, recipe: Recipe) -> tuple[QuantisedFile, Any]:
        kept = set(recipe.keep_float)
        self.made.append(kept)
        candidate = SimpleNamespace(recipe=recipe, standing=(self.standing(kept),))
        return _file(recipe, self.snr_db(kept)), candidate

    def near(self, candidate: Any) -> bool:
        return self.nearly(set(candidate.recipe.keep_float))

    def faults(self, _candidate: Any) -> Any:
        return ()

    def sound(self, file: Any) -> bool:
        recipe: Recipe = file.recipe
        layers = set(recipe.float_activations)
        return self.enough(set(recipe.keep_float)) or self.layers_enough(layers)


def _file(recipe: Recipe, snr_db: float) -> QuantisedFile:
    output = OutputParity(name="y", answer="differs", snr_db=snr_db)
    return QuantisedFile(recipe, Path("model.onnx"), 100.0, {}, (output,))


def _ops_of(_form: str, _entry: Path) -> list[Op]:
    return OPS


@pytest.fixture(autouse=True)
def _ops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed, "ops_of", _ops_of)


def _searched(quantiser: _Quantiser) -> Mixed:
    start = _file(Recipe(), 0.0)
    candidate = SimpleNamespace(doubted="", faults=(), recipe=Recipe(), standing=(0,))
    search = Mixed(cast(Any, quantiser), cast(Any, candidate), start)
    search.search()
    return search


def test_operators_are_ordered_by_the_noise_that_they_add() -> None:
    light, heavy = by_own_noise(OPS, TENSORS, both_sides=True)
    assert light == [("add",), ("relu",)]  # that of c needs the add, that of a the relu
    assert heavy == [("conv2",), ("conv1",)]
    light, heavy = by_own_noise(OPS, TENSORS, both_sides=False)
    assert light == [("add",), ("relu",)]


def test_what_is_exact_or_not_known_is_left_alone() -> None:
    quiet = [
        TensorFidelity(name="d", op="", source="", snr_db=3.0),
        TensorFidelity(name="b", op="", source="", snr_db=3.0, own_snr_db=130.0),
    ]
    assert by_own_noise(OPS, quiet, both_sides=True) == ([], [])


def test_as_few_as_are_enough_stay_in_float() -> None:
    search = _searched(_Quantiser(lambda kept: "add" in kept))
    assert search.best is not None and search.best.recipe.keep_float == ("add",)
    assert [one.kept for one in search.tried] == [False, True]


def test_layers_take_floats_before_their_weights_are_some() -> None:
    """But not those that have more than half of all weights."""
    search = _searched(_Quantiser(lambda _kept: False, lambda layers: "conv2" in layers))
    assert search.best is not None
    assert search.best.recipe.float_activations == ("conv2",)
    assert set(search.best.recipe.keep_float) == {"add", "relu"}
    assert [one.action for one in search.tried if one.kept] == [
        "keep the 2 operators that add most noise and what a layer with int8 weights takes "
        "and gives in float"
    ]
    assert within_half([("conv2",), ("conv1",)], OPS) == [("conv2",)]
    assert within_half([("conv1",), ("conv2",)], OPS) == [("conv2",)]


def test_all_layers_take_floats_before_weights_are_some() -> None:
    both = {"conv1", "conv2"}
    search = _searched(_Quantiser(lambda _kept: False, lambda layers: both <= layers))
    assert search.best is not None
    assert set(search.best.recipe.float_activations) == both
    assert set(search.best.recipe.keep_float) == {"add", "relu"}


@pytest.mark.parametrize(("precision", "floats"), [("int8", {"conv1"}), ("int8-weights", set())])
def test_weights_follow_where_what_has_none_is_not_enough(precision: str, floats: set[str]) -> None:
    """Of half the weights at most; the others are int8, and where they take floats anyway no more
    is said of them."""
    search = _searched(_Quantiser(lambda kept: {"add", "conv2"} <= kept, precision=precision))
    assert search.best is not None
    assert set(search.best.recipe.keep_float) == {"add", "relu", "conv2"}
    assert set(search.best.recipe.float_activations) == floats


@pytest.mark.parametrize(("precision", "tries"), [("int8", 4), ("int8-weights", 2)])
def test_nothing_is_kept_where_nothing_helps(precision: str, tries: int) -> None:
    search = _searched(_Quantiser(lambda _kept: False, precision=precision))
    assert search.best is None
    assert [one.kept for one in search.tried] == [False] * tries


def test_the_nearest_is_kept_where_none_is_sound_but_nothing_speaks_against_some() -> None:
    nearly = _Quantiser(
        lambda _kept: False, nearly=lambda kept: "conv2" in kept, precision="int8-weights"
    )
    search = _searched(nearly)
    assert search.best is not None and "conv2" in search.best.recipe.keep_float
    assert [one.kept for one in search.tried] == [False, True]


def test_weights_are_no_floats_for_nothing() -> None:
    """Nor does a file compute in floats that is refused all the same."""
    search = _searched(_Quantiser(lambda _kept: False, nearly=lambda kept: "conv2" in kept))
    assert search.best is None


def test_of_those_that_differ_the_nearest_is_kept() -> None:
    """It may be the same by more samples, and says more of the model if it is not."""
    nearer = _Quantiser(
        lambda _kept: False, snr_db=lambda kept: 20.0 * len(kept) - 50, precision="int8-weights"
    )
    search = _searched(nearer)
    assert search.best is not None and search.best.snr_db == 10.0
    assert [one.kept for one in search.tried] == [False, True]


def test_what_stands_better_is_kept_though_something_speaks_against_it() -> None:
    """The first of those that stand alike, as it has the least in float; one that is near wins."""
    quantiser = _Quantiser(lambda _kept: False, standing=lambda kept: 2 if "add" in kept else 1)
    search = _searched(quantiser)
    assert search.best is not None and search.best.recipe.keep_float == ("add", "relu")
    assert [one.kept for one in search.tried] == [True, False, False, False]
    near = _Quantiser(
        lambda _kept: False,
        nearly=lambda kept: "conv2" in kept,
        standing=lambda kept: -len(kept),
        precision="int8-weights",
    )
    search = _searched(near)
    assert search.best is not None and "conv2" in search.best.recipe.keep_float


def test_a_file_that_is_not_made_is_no_choice() -> None:
    quantiser = _Quantiser(lambda _kept: True)

    def raises(_recipe: Recipe) -> Any:
        raise StepError("quantising", "nothing is left to quantise")

    quantiser.make_examined = raises  # type: ignore[method-assign]
    search = _searched(quantiser)
    assert search.best is None and all(one.snr_db is None for one in search.tried)
