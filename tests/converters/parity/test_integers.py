"""Integers: a column or a value that is lost is not lost among the others."""

import numpy as np
import pytest

from edgeml.parity.answers import Answer
from edgeml.parity.integers import integers, most_frequent
from edgeml.parity.roles import Role
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rule import Rule
from tests.converters.parity.judged import SAMPLES, Array, answer, seeded

COUNT = Role(kind="integers")


def _marks() -> Array:
    """Fifty booleans, of which the last is on in an eighth of the samples."""
    return seeded().random((SAMPLES, 50)) < np.linspace(0.5, 0.15, 50)


@pytest.mark.parametrize("column", [7, 49])
def test_a_dead_column_among_fifty_booleans(column: int) -> None:
    model = _marks()
    dead = model & (np.arange(50) != column)
    decision = answer(COUNT, model, dead)
    assert decision.answer == "differs"
    assert decision.columns[0].column == f"value True of channel {column}"
    assert answer(COUNT, model, model).answer == "same"


def _map() -> Array:
    """[samples, 12, 20] of five classes in patches, of which the last is seldom and small."""
    rng = seeded()
    coarse = rng.integers(0, 4, (SAMPLES, 3, 5)).repeat(4, axis=1).repeat(4, axis=2)
    some = np.flatnonzero(rng.random(SAMPLES) < 0.2)
    coarse[some, 5:7, 5:7] = 4
    return coarse


def test_a_class_of_a_map_that_never_comes_up_any_more() -> None:
    """One place of three hundred, and so within what all may differ by."""
    model = _map()
    lost = np.where(model == 4, 0, model)
    assert (lost != model).mean() < 0.01
    decision = answer(COUNT, model, lost)
    assert (decision.answer, decision.columns[0].column) == ("differs", "value 4")
    exact = judge({"y": lost}, {"y": model}, Rule({"y": (COUNT,)}, exact=True))
    assert exact[0].answer == "differs"


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_a_dead_row_of_any_axis_of_a_map(axis: int) -> None:
    model = np.stack([_map()] * 30, axis=3) % 2
    dead = np.moveaxis(model.copy(), axis, 0)
    dead[2] = most_frequent(dead[2].reshape(1, -1, 1))[0]
    decision = answer(COUNT, model, np.moveaxis(dead, 0, axis))
    assert decision.answer == "differs"
    named = "2" if axis == 1 else f"2 on axis {axis}"
    assert ("unequal of a slice", named) in [(c.name, c.column) for c in decision.columns]
    assert answer(COUNT, model, model).answer == "same"


@pytest.mark.parametrize(("events", "expected"), [(19, "same"), (20, "differs")])
def test_a_value_is_judged_where_it_comes_up_often_enough(events: int, expected: Answer) -> None:
    model = np.zeros((2000, 1), np.int64)
    model[:events] = 5
    assert answer(COUNT, model, model * 0).answer == expected


def test_a_map_that_flips_a_little_at_the_edges_is_the_same() -> None:
    model = _map()
    flipped = np.where(seeded().random(model.shape) < 0.005, (model + 1) % 4, model)
    flipped = np.where(model == 4, model, flipped)
    assert answer(COUNT, model, flipped).answer == "same"


@pytest.mark.filterwarnings("error")
def test_ids_without_end_have_no_values_of_their_own() -> None:
    ids = np.arange(SAMPLES * 4).reshape(SAMPLES, 4) * 10**12
    (required,) = integers(COUNT, ids, ids)
    assert required[0].name == "unequal"
    wide = np.full((SAMPLES, 3), np.nan)
    assert len(integers(COUNT, wide, wide)) == 1


def test_the_most_frequent_value_of_each_channel() -> None:
    model = np.array([[3, 0], [3, 1], [2, 1], [2, 1], [3, 0]])[None]
    assert most_frequent(model).tolist() == [3, 1]
