"""What a quantiser raises at stays in float, and the rest does not."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edgeml_converters.formats.ops import Op
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants import stumbles as module
from edgeml_converters.variants.quantiser import Quantiser, Recipe
from tests.converters.commands import convert, write_data
from tests.converters.tflite_files import Graph, Tensor, write
from tests.converters.tflite_files import Op as FileOp

OPS = [Op(f"t{n}", "MUL" if n % 3 else "FULLY_CONNECTED", (), (f"t{n}",)) for n in range(20)]


class Raising:
    """A quantiser that raises where one of `bad` is not in float, with its reason."""

    format = "tflite"
    base = SimpleNamespace(entry=Path("model.tflite"))

    def __init__(self, bad: dict[str, str]) -> None:
        self.bad = bad
        self.calls = 0

    def try_out(self, recipe: Recipe) -> None:
        self.calls += 1
        for name, reason in self.bad.items():
            if name not in recipe.keep_float:
                raise StepError("quantising", reason)


def _ops_of(form: str, entry: Path) -> list[Op]:
    return OPS


def _found(bad: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], int]:
    monkeypatch.setattr(module, "ops_of", _ops_of)
    quantiser = Raising(bad)
    found = module.stumbles(cast(Quantiser, cast(Any, quantiser)), Recipe("minmax"))
    return [op.name for op in found], quantiser.calls


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        ({"t7": "bias"}, ["t7"]),
        ({"t0": "bias"}, ["t0"]),
        ({"t19": "ranks"}, ["t19"]),
        ({"t3": "bias of 3", "t7": "ranks"}, ["t3", "t7"]),
        # An engine's reason tells at which node, which moves.
        ({"t3": "node number 3 (MUL)", "t7": "Node number 9 (MUL)"}, ["t7"]),
        # A second one of a kind stands for all of it.
        ({"t1": "ranks", "t2": "ranks", "t8": "ranks"}, [f"t{n}" for n in (8, 1, 2)]),
    ],
)
def test_the_operators_at_fault_are_found(
    bad: dict[str, str], found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names, calls = _found(bad, monkeypatch)
    assert names[: len(found)] == found
    kinds = {op.kind for op in OPS if op.name in bad}
    assert {op.kind for op in OPS if op.name in names} == kinds
    # The first asks why it raises; then halving, and not one operator after the other.
    assert calls <= 1 + 7 * len(bad)


def test_what_no_operator_explains_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _found({"no such operator": "no weights"}, monkeypatch) == ([], 2)
    assert _found({}, monkeypatch) == ([], 1)  # all of it in float, which is no fault of any


def _dense_with_a_computed_bias(path: Path) -> Path:
    """[1, 16] -> [1, 16] -> [1, 1], whose last bias is no constant, as the quantiser wants it."""
    rng = np.random.default_rng(0)
    full: Any = schema.FullyConnectedOptionsT()
    options = (schema.BuiltinOptions.FullyConnectedOptions, full)
    constants = {"w": (16, 16), "b": (16,), "v": (1, 16), "u": (1, 16)}
    weights = [
        Tensor(name, values=rng.normal(size=shape).astype(np.float32))
        for name, shape in constants.items()
    ]
    made = [Tensor("h", (1, 16)), Tensor("c", (1, 1)), Tensor("y", (1, 1))]
    ops = [
        FileOp("FULLY_CONNECTED", (0, 1, 2), (5,), options=options),
        FileOp("FULLY_CONNECTED", (0, 4, -1), (6,), options=options),
        FileOp("FULLY_CONNECTED", (5, 3, 6), (7,), options=options),
    ]
    return write(path, Graph([Tensor("x", (1, 16)), *weights, *made], ops, outputs=(7,)))


def test_more_kinds_than_are_looked_for_are_left_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = [Op(f"k{n}", f"KIND_{n}", (), (f"k{n}",)) for n in range(6)]
    monkeypatch.setattr(sys.modules[__name__], "OPS", kinds)
    assert len(_found({f"k{n}": "no" for n in range(4)}, monkeypatch)[0]) == 4
    assert _found({f"k{n}": "no" for n in range(5)}, monkeypatch)[0] == []


def test_two_of_every_kind_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ops = [Op(f"k{n}", f"KIND_{n % 4}", (), (f"k{n}",)) for n in range(12)]
    monkeypatch.setattr(sys.modules[__name__], "OPS", ops)
    assert len(_found({f"k{n}": "no" for n in range(8)}, monkeypatch)[0]) == 12


@pytest.mark.tensorflow
def test_int8_is_made_of_the_rest(tmp_path: Path) -> None:
    source = _dense_with_a_computed_bias(tmp_path / "model.tflite")
    data = write_data(tmp_path / "data.npz", samples=256, x=(16,))
    ended = convert(source, data, tmp_path / "out", "--precision", "int8", to=["tflite"])
    (variant,) = ended.report["variants"]
    assert variant["files"] and variant["coverage"] > 90
    assert variant["answer"] != "differs", ended.err
    (finding,) = (f for f in variant["findings"] if f["fault"] == "quantiser-raised")
    assert "cannot make FULLY_CONNECTED of y (AttributeError: " in finding["message"]
