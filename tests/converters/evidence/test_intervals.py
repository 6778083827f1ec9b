"""Intervals against their formulas, and rules that hold for any figures."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from edgeml.evidence import Interval
from edgeml.parity import Array
from edgeml_converters.evidence.intervals import Rows, paired_bootstrap, wilson

counts = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
numbers = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


@given(counts)
def test_wilson_holds_the_share_and_stays_within_0_and_1(count: tuple[int, int]) -> None:
    successes, n = count
    found = wilson(successes, n)
    assert found.value == successes / n
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.low < found.high


@given(counts)
def test_wilson_is_the_formula(count: tuple[int, int]) -> None:
    """Wilson 1927: (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n)."""
    successes, n = count
    p, z = successes / n, float(stats.norm.ppf(0.975))
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    centre, scale = p + z * z / (2 * n), 1 + z * z / n
    found = wilson(successes, n)
    assert found.low == pytest.approx((centre - half) / scale, abs=1e-9)
    assert found.high == pytest.approx((centre + half) / scale, abs=1e-9)


@given(counts)
def test_wilson_of_the_opposite_is_the_mirror_image(count: tuple[int, int]) -> None:
    successes, n = count
    found, mirror = wilson(successes, n), wilson(n - successes, n)
    assert found.low == pytest.approx(1 - mirror.high, abs=1e-9)


def test_few_samples_prove_little() -> None:
    assert wilson(3, 3).low == pytest.approx(0.4385, abs=1e-4)
    assert wilson(300, 300).low > 0.98


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_share_is_misuse(successes: int, n: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(successes, n)


@settings(max_examples=20, deadline=None)
@given(numbers)
def test_an_interval_holds_its_figure(values: list[float]) -> None:
    a = np.array(values)
    b = a[::-1] + 1
    for interval in paired_bootstrap(_mean(a), _mean(b), len(a), 50):
        assert interval.low <= interval.value <= interval.high


@settings(max_examples=20, deadline=None)
@given(numbers)
def test_equal_figures_differ_by_exactly_nothing(values: list[float]) -> None:
    a = np.array(values)
    model, variant, delta = paired_bootstrap(_mean(a), _mean(a.copy()), len(a), 50)
    assert model == variant
    assert delta == Interval(value=0.0, low=0.0, high=0.0)


def test_the_same_call_gives_the_same_interval() -> None:
    a, b = np.random.default_rng(1).normal(size=(2, 50))
    assert paired_bootstrap(_mean(a), _mean(b), 50) == paired_bootstrap(_mean(a), _mean(b), 50)


def test_the_interval_is_scipys() -> None:
    a, b = np.random.default_rng(5).normal(size=(2, 60))
    model, variant, delta = paired_bootstrap(_mean(a), _mean(b), 60)
    for found, values in ((model, a), (variant, b), (delta, b - a)):
        low, high = stats.bootstrap(
            (values,), np.mean, n_resamples=1000, method="percentile", rng=0
        ).confidence_interval
        assert found.low == pytest.approx(low, abs=0.005)
        assert found.high == pytest.approx(high, abs=0.005)


def test_pairing_narrows_the_difference_to_what_differs() -> None:
    rng = np.random.default_rng(2)
    hard = rng.normal(scale=10, size=200)
    model, variant, delta = paired_bootstrap(_mean(hard), _mean(hard + 0.5), 200)
    assert delta.low == pytest.approx(0.5) and delta.high == pytest.approx(0.5)
    assert model.high - model.low > 1 and variant.value - model.value == pytest.approx(0.5)


def test_the_interval_of_a_mean_is_near_students() -> None:
    a = np.random.default_rng(3).normal(size=200)
    model, _, _ = paired_bootstrap(_mean(a), _mean(a), 200)
    low, high = stats.t.interval(0.95, 199, loc=a.mean(), scale=stats.sem(a))
    assert model.low == pytest.approx(low, abs=0.02)
    assert model.high == pytest.approx(high, abs=0.02)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(100):
        a = rng.normal(size=40)
        b = a + rng.normal(loc=0.3, size=40)
        _, _, delta = paired_bootstrap(_mean(a), _mean(b), 40, 200)
        hits += delta.low <= 0.3 <= delta.high
    assert 88 <= hits <= 99


def test_draws_without_a_figure_are_left_out() -> None:
    present = np.array([True, False, False])

    def share(rows: Rows) -> float | None:
        return float(present[rows].mean()) if present[rows].any() else None

    model, _, _ = paired_bootstrap(share, share, 3)
    assert 0 < model.low <= model.value <= model.high <= 1


def test_a_figure_beyond_all_draws_widens_its_interval() -> None:
    """As the number of different rows, which is largest over all rows."""
    most, least, _ = paired_bootstrap(
        lambda rows: float(len(np.unique(rows))), lambda rows: -float(len(np.unique(rows))), 40
    )
    assert (most.value, most.high) == (40, 40) and 20 < most.low < 30
    assert (least.value, least.low) == (-40, -40) and -30 < least.high < -20


def test_no_figure_at_all_is_misuse() -> None:
    with pytest.raises(ValueError, match="no figure"):
        paired_bootstrap(lambda rows: None, lambda rows: 1.0, 3)


def _mean(values: Array) -> Callable[[Rows], float]:
    return lambda rows: float(values[rows].mean())
