"""Scores: what a switch costs is what the model's own probabilities expect."""

import numpy as np
import pytest
from scipy import special

from edgeml.parity.requirements import requirements
from edgeml.parity.roles import Role
from edgeml_converters.parity.deciding import Column
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rule import Rule
from tests.converters.parity.judged import Array, answer, seeded

SCORES = Role(kind="score-logits")


def _tagged(samples: int = 2000, scale: float = 2.5) -> tuple[Array, Array]:
    """A model's logits of three scores, and truths drawn by them: its probabilities are right."""
    logits = scale * seeded().normal(size=(samples, 3))
    return logits, seeded().random(logits.shape) < special.expit(logits)


def _f1(said: Array, truth: Array) -> Array:
    return 2 * (said & truth).sum(axis=0) / (said.sum(axis=0) + truth.sum(axis=0))


def _named(model: Array, variant: Array, name: str) -> list[Column]:
    return [column for column in answer(SCORES, model, variant).columns if column.name == name]


@pytest.mark.parametrize("shift", [-1.0, -0.3, 0.5, 1.5])
def test_the_f1_that_is_expected_to_be_lost_is_what_happens_with_the_truth(shift: float) -> None:
    logits, truth = _tagged(40_000)
    lost = _f1(logits > 0, truth) - _f1(logits + shift > 0, truth)
    _, (mean,), (each, _), _ = requirements(SCORES, logits, logits + shift)
    assert each.values == pytest.approx(lost, abs=0.01)
    assert mean.values[0] == pytest.approx(lost.mean(), abs=0.005)


def test_switches_of_what_is_in_doubt_cost_nothing_and_others_do() -> None:
    """5 % of what is on is switched: where the model has nearly 0.5, or is sure."""
    logits, _ = _tagged()
    doubt = np.where(np.abs(logits) < 0.12, -logits, logits)
    decision = answer(SCORES, logits, doubt)
    (switched,) = {round(c.value, 2) for c in decision.columns if c.name == "switched"} or {0.0}
    assert decision.answer == "same" and 0.02 < switched < 0.06
    rng = np.random.default_rng(3)
    sure = np.where((logits > 2) & (rng.random(logits.shape) < 0.15), -logits, logits)
    decision = answer(SCORES, logits, sure)
    assert decision.answer == "differs"
    assert max(c.value for c in _named(logits, sure, "expected F1 lost of a score")) > 0.03


def test_a_probability_that_is_rough_but_keeps_its_switches_is_open() -> None:
    """Who takes another threshold, or the probabilities as they are, may be hurt; labels decide."""
    logits, _ = _tagged(400)
    decision = answer(SCORES, logits, 1.8 * logits)
    first = decision.columns[0]
    assert (decision.answer, first.name) == ("cannot tell", "noise of the probability")
    assert 0.04 < first.value < 0.15 and first.needed is None
    assert answer(SCORES, logits, 1.1 * logits).answer == "same"


def test_a_score_that_is_hardly_ever_on_is_open_or_quiet() -> None:
    logits, _ = _tagged(200)
    logits[:, 2] -= 5.5
    near = np.where(np.abs(logits) < 0.05, -logits, logits)
    near[:, 2] += 0.2
    decision = answer(SCORES, logits, near)
    assert decision.answer == "cannot tell" and decision.columns[0].column == "2"
    assert answer(SCORES, logits, 1.001 * logits).answer == "same"


def test_what_differs_names_a_score_and_not_a_mean() -> None:
    logits, _ = _tagged()
    dead = logits * [1, 0, 1] - [0, 2, 0]
    decision = answer(SCORES, logits, dead)
    assert (decision.answer, decision.columns[0].column) == ("differs", "1")


def _with_a_silent_one(variant_of_it: str) -> tuple[Array, Array]:
    """Three scores that come up, and one that stays at a few thousandths, as a label of eighty."""
    rng = seeded()
    logits, _ = _tagged(400)
    model = np.concatenate([special.expit(logits), rng.uniform(0, 0.01, (400, 1))], axis=1)
    variant = model + rng.normal(0, 0.002, model.shape)
    match variant_of_it:
        case "in steps":  # those of int8 in TFLite
            variant[:, 3] = np.round(model[:, 3] * 256) / 256 + rng.choice([0, 1 / 256], 400)
        case "dead":
            variant[:, 3] = 0.0
        case "awake":
            variant[::3, 3] = 0.9
        case _:  # quiet, as the test makes it
            variant[:, 3] = model[:, 3] * 1.01
    return model, variant


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("quiet", "same"), ("in steps", "cannot tell"), ("dead", "cannot tell"), ("awake", "differs")],
)
def test_of_a_score_that_is_never_on_nobody_can_tell(kind: str, expected: str) -> None:
    model, variant = _with_a_silent_one(kind)
    (row,) = judge({"y": variant}, {"y": model}, Rule({"y": (Role(kind="scores"),)}))
    assert row.answer == expected
    if expected == "cannot tell":
        assert row.figures[0].channel == "3"
        assert row.reason.endswith("it is never on in these samples: give some in which it is")
