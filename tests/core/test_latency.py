"""Counts over fixed edges: quantiles within half a bin, merging exact."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml import latency

HALF_BIN = 10 ** (1 / (2 * latency.BINS_PER_DECADE))  # 2.9 %
microseconds = st.floats(1, 10**latency.DECADES, exclude_max=True)
samples = st.lists(microseconds, min_size=1, max_size=200)
quantiles = st.sampled_from([0.0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0]) | st.floats(0, 1)


@given(samples, quantiles)
def test_a_quantile_is_within_half_a_bin_of_numpys(values: list[float], q: float) -> None:
    found = latency.quantile(latency.counts(values), q)
    exact = float(np.quantile(values, q, method="inverted_cdf"))
    assert found is not None
    assert max(found / exact, exact / found) <= HALF_BIN * (1 + 1e-9)


@given(st.lists(samples, min_size=1, max_size=4))
def test_merging_is_exact(windows: list[list[float]]) -> None:
    merged = sum(latency.counts(window) for window in windows)
    pooled = latency.counts([value for window in windows for value in window])
    assert np.array_equal(merged, pooled)


@given(st.lists(st.floats(-1e3, 1e12), max_size=50))
def test_every_value_is_counted_once(values: list[float]) -> None:
    found = latency.counts(values)
    assert found.shape == (latency.BINS,) and found.sum() == len(values)


@given(st.lists(microseconds, min_size=1), st.lists(quantiles, min_size=2))
def test_quantiles_rise(values: list[float], qs: list[float]) -> None:
    merged = latency.counts(values)
    found = [latency.quantile(merged, q) or math.nan for q in sorted(qs)]
    assert found == sorted(found)


def test_ends() -> None:
    assert latency.quantile(latency.counts([]), 0.5) is None
    assert latency.quantile([], 0.5) is None
    assert latency.quantile(latency.counts([0.01]), 0.5) == 1.0
    assert latency.quantile(latency.counts([1e12]), 0.5) == pytest.approx(1e8)


def test_edges() -> None:
    assert len(latency.EDGES_US) + 1 == latency.BINS
    assert np.all(np.diff(latency.EDGES_US) > 0)
    assert np.flatnonzero(latency.counts([latency.EDGES_US[3]])).tolist() == [4]
    widths = latency.EDGES_US[1:] / latency.EDGES_US[:-1]
    assert widths == pytest.approx(np.full(len(widths), HALF_BIN**2))
