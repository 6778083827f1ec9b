"""A dead channel is seen where it is never chosen: there is a floor below which no role passes."""

import numpy as np
import pytest
from scipy import special

from edgeml.parity.requirements import requirements
from edgeml.parity.roles import Kind, Role
from tests.converters.parity.judged import SAMPLES, Array, answer, seeded


def _never(axes: tuple[int, ...] = ()) -> Array:
    """Logits of 6 classes, of which the last never comes up though it varies as the others do."""
    logits = 4 * seeded().normal(size=(SAMPLES, *axes, 6))
    logits[..., 5] -= 30
    return logits


@pytest.mark.parametrize("axes", [(), (8, 8)])
def test_a_dead_class_that_never_comes_up(axes: tuple[int, ...]) -> None:
    model = _never(axes)
    dead, other = model.copy(), model.copy()
    dead[..., 5] = model[..., 5].mean()
    other[..., 5] = model[::-1, ..., 5]
    role = Role(kind="logits", axis=model.ndim - 1)
    for wrong in (dead, other):
        decision = answer(role, model, wrong)
        first = decision.columns[0]
        assert (decision.answer, first.name) == ("differs", "noise at the best gain")
        assert first.column == "5" and first.value == pytest.approx(1, abs=0.02)
    int8 = np.round(model * 4) / 4
    assert answer(role, model, int8).answer == "same"
    *_, (floor,) = requirements(role, model, 3 * int8 - 1)
    assert (floor.values < 1e-3).all()


def test_a_dead_probability_counts_where_it_varies_clearly() -> None:
    rng = seeded()
    p = np.zeros((SAMPLES, 4))
    p[np.arange(SAMPLES), rng.integers(0, 2, SAMPLES)] = 0.6
    p[:, 2] = rng.uniform(0, 0.35, SAMPLES)  # never the largest
    p[:, 3] = 0.001 * rng.random(SAMPLES)  # less than a step of int8
    role = Role(kind="probabilities", axis=1)
    lost = p * [1, 1, 1, 0]
    assert answer(role, p, lost).answer != "differs"
    wrong = p * [1, 1, 0, 1]
    assert answer(role, p, wrong).answer == "differs"


@pytest.mark.parametrize("kind", ["mask-logits", "heatmap"])
def test_a_dead_map_in_which_nothing_is_ever_inside(kind: Kind) -> None:
    model = seeded().normal(size=(SAMPLES, 3, 9, 9)).cumsum(axis=2)
    model[:, 2] -= 60
    dead = model.copy()
    dead[:, 2] = -60
    decision = answer(Role(kind=kind, axis=1), model, dead)
    assert decision.answer == "differs"
    differ = [(c.name, c.column) for c in decision.columns if c.answer == "differs"]
    assert ("noise at the best gain", "2") in differ


def test_of_an_embedding_one_column_is_nothing() -> None:
    model = seeded().normal(size=(SAMPLES, 64))
    assert len(requirements(Role(kind="embedding"), model, model)) == 1


@pytest.mark.filterwarnings("error")
def test_what_varies_less_than_clearly_or_not_at_all_is_left_out() -> None:
    logits = _never()
    logits[:, 4] = -50
    logits[:, 5] *= 1e-3
    *_, (floor,) = requirements(Role(kind="logits"), logits, logits)
    assert floor.columns == ("0", "1", "2", "3")
    assert floor.values == pytest.approx(0)
    p = special.softmax(np.full((SAMPLES, 3), 2.0), axis=1)
    named = {f.name for of in requirements(Role(kind="probabilities"), p, p) for f in of}
    assert "noise at the best gain" not in named
