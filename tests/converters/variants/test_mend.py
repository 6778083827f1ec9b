"""Repairs one after the other, with a quantiser that runs nothing."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edgeml.parity.answers import OutputParity
from edgeml_converters.bisect.repairs import Repair
from edgeml_converters.variants import mend as repairing
from edgeml_converters.variants.mend import mend
from edgeml_converters.variants.quantiser import QuantisedFile, Recipe

# With one operator in int8 every calibrator gives noise; without it only one is good enough.
RUINED = {"entropy": 0.2, "minmax": 0.1, "percentile": 0.0}
REPAIRED = {"entropy": 13.0, "minmax": 38.0, "percentile": 20.0}


def _file(recipe: Recipe) -> QuantisedFile:
    name = recipe.calibrator or ""
    snr_db = (REPAIRED if "ruins" in recipe.keep_float else RUINED)[name]
    output = OutputParity(name="y", answer="cannot tell", figures=(), snr_db=snr_db)
    return QuantisedFile(recipe, Path("model.onnx"), 100.0, {}, (output,))


class _Quantiser:
    precision = "int8"
    format = "onnx"
    base = SimpleNamespace(entry=Path("model.onnx"))

    def __init__(self, enough: float) -> None:
        self.enough = enough
        self.made: list[Recipe] = []

    def progress(self, _title: str) -> Any:
        return nullcontext()

    def trace(self, _file: Any, _engine: str) -> Any:
        return ()

    def examined(self, file: QuantisedFile) -> Any:
        def none(_base: Any) -> tuple[()]:
            return ()

        return SimpleNamespace(standing=(), faults=(), doubted="", errors_beside=none, file=file)

    def make_examined(self, recipe: Recipe) -> tuple[QuantisedFile, Any]:
        self.made.append(recipe)
        file = _file(recipe)
        return file, self.examined(file)

    def sound(self, candidate: Any) -> bool:
        return bool(candidate.file.snr_db >= self.enough)

    def near(self, _candidate: Any) -> bool:
        return True

    def faults(self, _candidate: Any) -> Any:
        return ()


@pytest.fixture(autouse=True)
def _one_repair(monkeypatch: pytest.MonkeyPatch) -> None:
    class _Nothing:
        best, tried = None, ()

        def __init__(self, *_arguments: Any) -> None: ...

        def search(self) -> None: ...

    def _repairs(_damage: Any) -> tuple[Repair, ...]:
        return (Repair("keep it in float", ("ruins",)),)

    def _culprit(_tensors: Any, _floor: float) -> None:
        return None

    monkeypatch.setattr(repairing, "repairs", _repairs)
    monkeypatch.setattr(repairing, "culprit", _culprit)
    monkeypatch.setattr(repairing, "Mixed", _Nothing)


@pytest.mark.parametrize(
    ("enough", "calibrators", "found", "files"),
    [
        (30.0, ("entropy", "percentile", "minmax"), "minmax", 3),
        (12.0, ("entropy", "percentile", "minmax"), "entropy", 1),  # the repair was enough
        (15.0, ("entropy", "percentile", "minmax"), "percentile", 2),
        (30.0, ("entropy",), "entropy", 1),  # people asked for that one
    ],
)
def test_calibrators_are_tried_again_where_a_repair_helped_and_is_not_enough(
    enough: float, calibrators: tuple[str, ...], found: str, files: int
) -> None:
    quantiser, start = _Quantiser(enough), _file(Recipe(calibrator="entropy"))
    candidate = quantiser.examined(start)
    best, tried = mend(cast(Any, quantiser), candidate, start, calibrators)
    assert best.recipe == Recipe(calibrator=found, keep_float=("ruins",))
    assert len(quantiser.made) == len(tried) == files
    assert tried[-1].kept and tried[-1].snr_db == REPAIRED[found]
