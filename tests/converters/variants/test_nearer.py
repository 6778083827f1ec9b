"""What is tried where a file is open by those that prove, with a quantiser that runs nothing."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edgeml.conversion import EngineParity, RepairTried, VariantReport
from edgeml.evidence import TensorFidelity
from edgeml.parity.answers import Answer, JudgedFigure, OutputParity
from edgeml.parity.limits import LIMITS
from edgeml_converters.formats.ops import Op
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants import mixed
from edgeml_converters.variants.candidate import Candidate
from edgeml_converters.variants.nearer import prove
from edgeml_converters.variants.quantiser import QuantisedFile, Recipe

OPS = [
    Op("conv1", "Conv", ("x",), ("a",), weights=400),
    Op("relu", "Relu", ("a",), ("b",)),
    Op("conv2", "Conv", ("b",), ("c",), weights=100),
]
TENSORS = tuple(
    TensorFidelity(name=name, op="", source="", snr_db=10.0, own_snr_db=db)
    for name, db in {"a": 30.0, "b": 41.0, "c": 20.0}.items()
)
STEPS: list[tuple[set[str], set[str]]] = [  # in float; with int8 weights that floats go through
    ({"relu"}, set()),
    ({"relu"}, {"conv2"}),
    ({"relu"}, {"conv1", "conv2"}),
    ({"relu", "conv2"}, {"conv1"}),
]


def _file(recipe: Recipe, snr_db: float) -> QuantisedFile:
    output = OutputParity(name="y", answer="same", snr_db=snr_db)
    return QuantisedFile(recipe, Path("model.onnx"), 100.0, {}, (output,))


def _candidate(answer: Answer, figure: str, same: float) -> Candidate:
    of_output = JudgedFigure(
        figure=figure, channel="", value=0.02, low=0.0, high=0.05, same=same, differs=0.1, why="",
        events=40, answer=answer,
    )  # fmt: skip
    output = OutputParity(name="y", answer=answer, figures=(of_output,))
    row = EngineParity(engine="onnxruntime", version="1", outputs=(output,), answer=answer)
    report = VariantReport(
        id="onnx-int8", format="onnx", precision="int8", answer=answer, routes=(), engines=(row,)
    )
    return Candidate(report, Path("folder"))


@dataclass
class _Quantiser:
    """answers: to the files that are proven, in their order. db: of a file, by how many layers in
    it are float or take floats. chosen: whether the samples that choose let it pass."""

    answers: list[Answer]
    figure: str = "flips"
    same: float = 0.03
    precision: str = "int8"
    can_prove: bool = True
    chosen: bool = True
    db: Callable[[int], float] = lambda layers: 20.0 + 5 * layers
    format: str = "onnx"
    attempts: list[int] = field(default_factory=list[int])
    made: list[Recipe] = field(default_factory=list[Recipe])

    @property
    def base(self) -> Any:
        return SimpleNamespace(entry=Path("model.onnx"))

    def progress(self, _title: str) -> Any:
        return nullcontext()

    def trace(self, _file: Any, _engine: str) -> tuple[TensorFidelity, ...]:
        return TENSORS

    def make(self, recipe: Recipe) -> QuantisedFile:
        self.made.append(recipe)
        layers = {"conv1", "conv2"} & {*recipe.keep_float, *recipe.float_activations}
        return _file(recipe, self.db(len(layers) + ("conv2" in recipe.keep_float)))

    def examine(self, file: QuantisedFile) -> QuantisedFile:
        return file

    def sound(self, _candidate: Any) -> bool:
        return self.chosen

    def prove(self, _file: QuantisedFile, attempt: int = 1) -> Candidate:
        self.attempts.append(attempt)
        return _candidate(self.answers[len(self.attempts) - 1], self.figure, self.same)


@pytest.fixture(autouse=True)
def _ops(monkeypatch: pytest.MonkeyPatch) -> None:
    def ops_of(_form: str, _entry: Path) -> list[Op]:
        return OPS

    monkeypatch.setattr(mixed, "ops_of", ops_of)


def _proven(quantiser: _Quantiser, *, repair: bool = True) -> tuple[Recipe, Answer, list[bool]]:
    start = _file(Recipe(), 12.0)
    file, candidate, tried = prove(cast(Any, quantiser), start, repair=repair)
    return file.recipe, candidate.report.answer, [one.kept for one in tried]


def test_a_file_that_is_open_gives_way_to_the_first_that_is_the_same() -> None:
    quantiser = _Quantiser(["cannot tell", "cannot tell", "same"])
    recipe, answer, kept = _proven(quantiser)
    assert (answer, kept) == ("same", [False, True])
    assert (set(recipe.keep_float), set(recipe.float_activations)) == STEPS[1]
    assert quantiser.attempts == [1, 2, 3]


def test_noise_is_less_where_people_have_said_how_much_may_be() -> None:
    quantiser = _Quantiser(["cannot tell", "same"], figure="noise")
    assert _proven(quantiser)[1:] == ("same", [True])


def test_it_stays_where_none_is_the_same() -> None:
    quantiser = _Quantiser(["cannot tell", "cannot tell", "differs", "cannot tell", "differs"])
    recipe, answer, kept = _proven(quantiser)
    assert (recipe, answer, kept) == (Recipe(), "cannot tell", [False] * 4)
    steps = [(set(made.keep_float), set(made.float_activations)) for made in quantiser.made]
    assert steps == STEPS and quantiser.attempts == [1, 2, 3, 4, 5]


def test_a_file_that_differs_gives_way_where_those_that_choose_had_let_it_pass() -> None:
    """They are fewer, and what they chose was only just enough."""
    quantiser = _Quantiser(["differs", "same"])
    recipe, answer, kept = _proven(quantiser)
    assert (answer, kept, quantiser.attempts) == ("same", [True], [1, 2])
    assert set(recipe.keep_float) == {"relu"}


def test_what_is_hardly_nearer_is_not_proven() -> None:
    quantiser = _Quantiser(["cannot tell", "same"], db=lambda layers: 13.0 + (layers == 2))
    recipe, answer, kept = _proven(quantiser)
    assert (answer, kept, quantiser.attempts) == ("same", [False, False, True], [1, 2])
    assert set(recipe.float_activations) == {"conv1", "conv2"}


@pytest.mark.parametrize(
    ("quantiser", "repair"),
    [
        (_Quantiser(["same"]), True),
        (_Quantiser(["differs"], chosen=False), True),  # nothing nearer was found
        (_Quantiser(["differs"]), False),
        (_Quantiser(["cannot tell"]), False),
        (_Quantiser(["cannot tell"], can_prove=False), True),
        (_Quantiser(["cannot tell"], precision="int8-dynamic"), True),
        # Of which people say how much may be.
        (_Quantiser(["cannot tell"], figure="noise", same=LIMITS["noise"].same), True),
    ],
)
def test_nothing_is_tried_where_less_noise_tells_nothing(
    quantiser: _Quantiser, repair: bool
) -> None:
    assert _proven(quantiser, repair=repair)[2] == []
    assert quantiser.made == []


def test_what_cannot_be_made_is_passed_over() -> None:
    quantiser = _Quantiser(["cannot tell", "same"])
    make = quantiser.make

    def raises_at_first(recipe: Recipe) -> QuantisedFile:
        if not recipe.float_activations:
            raise StepError("quantising", "nothing is left to quantise")
        return make(recipe)

    quantiser.make = raises_at_first  # type: ignore[method-assign]
    _, _, tried = prove(cast(Any, quantiser), _file(Recipe(), 12.0), repair=True)
    assert [type(one) for one in tried] == [RepairTried] * 2
    assert [one.kept for one in tried] == [False, True] and tried[0].snr_db is None
