"""Three answers, each with its interval: what they promise of samples that come by chance."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.parity.figures import Figure
from edgeml.parity.limits import LIMITS, Limit
from edgeml_converters.parity.deciding import Decision, decide

LIMIT = Limit(0.01, 0.01, "of this test")


def _figure(numerators: npt.ArrayLike, limit: Limit = LIMIT, least: int = 0) -> Figure:
    column = np.asarray(numerators, np.float64)[:, None]
    return Figure("noise", column, np.ones_like(column), limit, least)


def _decide(*alternatives: Figure, least: int = 1) -> Decision:
    return decide([alternatives], len(alternatives[0].numerators), least)


def _even(rng: np.random.Generator, samples: int) -> npt.NDArray[np.float64]:
    return rng.normal(0.01, 0.005, samples)


def _skewed(rng: np.random.Generator, samples: int) -> npt.NDArray[np.float64]:
    return 0.01 * rng.normal(size=samples) ** 2  # one number a sample: as skewed as noise can be


@pytest.mark.parametrize(
    ("draw", "samples", "most_percent"),
    [
        (_even, 20, 3.5),
        (_even, 64, 3.5),
        (_even, 200, 3.5),
        (_skewed, 64, 7.0),
        (_skewed, 200, 5.5),
    ],
)
def test_a_variant_at_the_limit_is_seldom_called_the_same_or_different(
    draw: Callable[[np.random.Generator, int], npt.NDArray[np.float64]],
    samples: int,
    most_percent: float,
) -> None:
    """By an interval of 95 % in 2.5 % of draws each; of skewed figures it is the same more often,
    and differs less often."""
    rng = np.random.default_rng(0)
    draws = 2000
    answers = Counter(_decide(_figure(draw(rng, samples))).answer for _ in range(draws))
    assert 100 * answers["same"] / draws < most_percent
    assert 100 * answers["differs"] / draws < 3.5


def test_more_looks_need_more_evidence_to_differ() -> None:
    numerators = np.where(np.arange(40) % 2, 0.0, 0.03)
    one = _decide(_figure(numerators))
    assert one.answer == "differs"
    many = Figure("noise", np.tile(numerators[:, None], 500), np.ones((40, 500)), LIMIT)
    assert _decide(many).answer == "cannot tell"


def test_one_alternative_is_enough_to_be_the_same_and_all_must_differ_to_differ() -> None:
    good, bad, wide = (
        _figure(np.full(50, value) + spread * (-1) ** np.arange(50))
        for value, spread in ((0.001, 0.0), (0.5, 0.0), (0.009, 0.009))
    )
    assert _decide(good, bad).answer == _decide(bad, good).answer == "same"
    assert _decide(bad, bad).answer == "differs"
    assert _decide(bad, wide).answer == "cannot tell"


def test_nothing_is_the_same_by_too_few_samples_but_it_may_differ() -> None:
    assert _decide(_figure([0.0] * 10), least=64).answer == "cannot tell"
    assert _decide(_figure([0.5] * 10), least=64).answer == "differs"
    assert _decide(_figure([0.0])).answer == "cannot tell"


def test_a_rare_event_decides_nothing() -> None:
    events = np.zeros((100, 1))
    events[:5] = 1
    figure = Figure("switched", np.zeros((100, 1)), events, LIMITS["switched"], events_least=20)
    (column,) = decide([(figure,)], 100, 64).columns
    assert (column.answer, column.events, column.needed) == ("cannot tell", 5, 400)


def test_so_many_more_samples_are_enough_as_it_says() -> None:
    rng = np.random.default_rng(3)
    few = rng.exponential(0.009, 40)
    (column,) = _decide(_figure(few)).columns
    assert column.answer == "cannot tell" and column.needed is not None
    again = np.resize(few, round(column.needed * 1.1))
    assert _decide(_figure(again)).answer == "same"


def test_between_two_limits_no_number_of_samples_is_enough() -> None:
    limit = Limit(1e-4, 1e-2, "of this test")
    (column,) = _decide(_figure([1e-3] * 500, limit)).columns
    assert (column.answer, column.needed) == ("cannot tell", None)


def test_the_worst_stands_first() -> None:
    figures = [_figure([value] * 30) for value in (0.001, 0.5, 0.002)]
    decision = decide([(figure,) for figure in figures], 30, 1)
    assert [column.value for column in decision.columns] == pytest.approx([0.5, 0.002, 0.001])


@pytest.mark.parametrize(
    ("samples", "expected"), [(64, "cannot tell"), (298, "cannot tell"), (299, "same")]
)
def test_what_never_came_up_is_excluded_only_so_far_as_samples_can(
    samples: int, expected: str
) -> None:
    """None in n leaves up to 3 in n: of 1 % only 299 samples tell."""
    figure = replace(_figure([0.0] * samples), counts=True)
    (column,) = _decide(figure).columns
    assert column.answer == expected
    assert column.high == pytest.approx(3 / samples, rel=0.03)
    assert column.needed == (None if expected == "same" else 300)


@given(st.integers(30, 400), st.integers(0, 3))
def test_an_event_that_is_seen_never_tells_more_than_none(samples: int, events: int) -> None:
    highs = []
    for seen in (events, events + 1):
        numerators = np.zeros(samples)
        numerators[:seen] = 1
        (column,) = _decide(replace(_figure(numerators), counts=True)).columns
        highs.append(column.high)
    assert highs[0] < 1.01 * highs[1]


def test_asking_the_same_samples_of_several_files_is_paid_for_by_wider_intervals() -> None:
    rng = np.random.default_rng(1)
    draws, same = 2000, 0
    for _ in range(draws):
        files = [_figure(_even(rng, 64)) for _ in range(5)]
        answers = [decide([(f,)], 64, 1, attempt=n + 1).answer for n, f in enumerate(files)]
        same += "same" in answers
    # 2.5 % for the first, and a half, a third, a quarter and a fifth of that for the others.
    assert 100 * same / draws < 6.5
    counted = Figure("flips", np.zeros((100, 1)), np.ones((100, 1)), LIMIT, counts=True)
    (once,) = decide([(counted,)], 100, 1).columns
    (again,) = decide([(counted,)], 100, 1, attempt=2).columns
    assert once.high == pytest.approx(1 - 0.05 ** (1 / 100))
    assert again.high == pytest.approx(1 - 0.025 ** (1 / 100))
