"""Slices: every sample is in one of them, and the group that suffers comes first."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeml import documents
from edgeml.errors import InputError
from edgeml.evidence import Slice
from edgeml.parity import Array
from edgeml_converters.evidence.metrics import parse
from edgeml_converters.evidence.slices import partition, slices
from tests.converters import plain_figures

RNG = np.random.default_rng(0)
keys = st.one_of(
    hnp.arrays(np.float64, st.integers(1, 80), elements=st.floats()),
    hnp.arrays(np.float64, st.integers(1, 80), elements=st.sampled_from([0.0, 0.5, 7.0])),
    hnp.arrays(np.int64, st.integers(1, 80)),
    hnp.arrays(np.uint8, st.integers(1, 80)),
    hnp.arrays(np.bool_, st.integers(1, 80)),
    st.lists(st.sampled_from("abcdefg"), min_size=1, max_size=80).map(np.array),
)


@given(keys)
def test_slices_partition_the_samples(values: Array) -> None:
    parts = partition("key", values, len(values))
    rows = np.concatenate([rows for _, rows in parts])
    assert sorted(rows) == list(range(len(values)))
    assert all(len(rows) for _, rows in parts)
    assert len({name for name, _ in parts}) == len(parts)
    if values.dtype.kind in "iuf" and len(np.unique(values)) > 16:
        assert len(parts) <= 5  # quartiles and NaN
    else:
        for name, rows in parts:
            assert {str(v) for v in values[rows]} == {name}


@given(st.integers(17, 200), st.integers(0, 2**32 - 1))
def test_quartiles_hold_about_a_quarter_each(n: int, seed: int) -> None:
    values = np.random.default_rng(seed).permutation(n).astype(np.float32)
    parts = partition("key", values, n)
    assert len(parts) == 4
    assert all(abs(len(rows) - n / 4) <= 1 for _, rows in parts)
    highest = [values[rows].max() for _, rows in parts]
    assert highest == sorted(highest)


def test_names_of_quartiles_say_what_is_in_them() -> None:
    names = [name for name, _ in partition("age", np.arange(100), 100)]
    assert names == ["at most 24", "above 24 to 49", "above 49 to 74", "above 74"]


def test_quartiles_that_differ_in_the_last_digits_only_have_names_of_their_own() -> None:
    values = 1e9 + np.arange(40) / 16
    assert len({name for name, _ in partition("time", values, 40)}) == 4


def test_heavy_ties_make_fewer_slices() -> None:
    values = np.concatenate([np.zeros(80), np.arange(1, 21)])
    parts = dict(partition("key", values, 100))
    assert {name: len(rows) for name, rows in parts.items()} == {"at most 0": 80, "above 0": 20}


@pytest.mark.parametrize("values", [np.zeros(3), np.zeros((4, 2)), np.float64(1)])
def test_a_key_must_be_one_value_a_sample(values: Any) -> None:
    with pytest.raises(InputError, match="one value for each of the 4 samples"):
        partition("key", np.asarray(values), 4)


def test_names_without_end_are_no_groups() -> None:
    with pytest.raises(InputError, match="100 different values, where at most 64"):
        partition("key", np.array([f"id{i}" for i in range(100)]), 100)


def test_the_group_that_suffers_comes_first() -> None:
    expected = {"y": np.tile(np.eye(4), (10, 1)), "z": RNG.normal(size=(40, 2))}
    found = {name: array + 1e-6 for name, array in expected.items()}
    camera = np.repeat(["left", "right"], 20)
    found["y"][20:25] = found["y"][20:25, ::-1]
    labels = expected["y"].argmax(axis=1)
    worst, other = slices("camera", camera, found, expected, labels, parse("accuracy"))
    assert (worst.key, worst.value, worst.samples) == ("camera", "right", 20)
    assert (worst.top1, worst.task) == (0.75, 0.75)
    assert (other.value, other.top1, other.task) == ("left", 1.0, 1.0)
    assert worst.snr_db is not None and worst.snr_db < 20
    assert other.snr_db is not None and other.snr_db > 100


@given(st.integers(1, 30), st.integers(0, 2**32 - 1), st.floats(0, 10))
def test_figures_are_those_of_parity_worst_output_first(n: int, seed: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    expected = {"a": rng.normal(size=(n, 3)), "b": rng.normal(size=(n, 2, 2))}
    found = {k: v + noise * rng.normal(size=v.shape) for k, v in expected.items()}
    key = rng.integers(0, 3, n)
    made = slices("key", key, found, expected)
    assert sum(one.samples for one in made) == n
    order = [(one.top1, math.inf if one.snr_db is None else one.snr_db) for one in made]
    assert order == sorted(order)  # type: ignore[type-var]
    for one in made:
        rows = key == int(one.value)
        snrs = [plain_figures.snr_db(found[k][rows], v[rows]) for k, v in expected.items()]
        top1s = [plain_figures.top1_agreement(found[k][rows], v[rows]) for k, v in expected.items()]
        exact = all(snr is None for snr in snrs)
        assert one.snr_db == (
            None if exact else pytest.approx(min(s for s in snrs if s is not None), abs=1e-6)
        )
        assert one.top1 == pytest.approx(min(t for t in top1s if t is not None))


@given(
    hnp.arrays(np.float64, (6, 2), elements=st.floats()),
    hnp.arrays(np.float64, (6, 2), elements=st.floats(allow_nan=False, allow_infinity=False)),
)
def test_any_floats_make_a_document(found: Array, expected: Array) -> None:
    for one in slices("key", np.arange(6) // 2, {"y": found}, {"y": expected}):
        assert documents.decode(documents.encode(one), Slice, "it") == one
        assert one.snr_db is None or math.isfinite(one.snr_db)


def test_a_slice_with_nan_is_no_exact_one() -> None:
    expected = np.ones((4, 1))
    found = expected.copy()
    found[3] = np.nan
    worst, other = slices("key", np.array([0, 0, 1, 1]), {"y": found}, {"y": expected})
    assert (worst.value, worst.snr_db, other.snr_db) == ("1", 0.0, None)


def test_one_class_alone_has_no_auc() -> None:
    labels = np.array([0, 1, 1, 1])
    answers = {"y": np.eye(2)[labels]}
    made = slices("key", np.array([0, 0, 1, 1]), answers, answers, labels, parse("auc"))
    assert [one.task for one in made] == [1.0, None]


def test_an_output_of_another_shape_is_left_out() -> None:
    answers = {"y": np.eye(2), "z": np.zeros((2, 3))}
    (one, _) = slices("key", np.arange(2), {"y": np.eye(2)[:, :1], "z": np.ones((2, 3))}, answers)
    assert (one.snr_db, one.top1) == (0.0, 1.0)
