"""Which samples calibrate, choose and prove: each has its share of every class."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.errors import InputError
from edgeml_converters.sources.data import Data
from edgeml_converters.sources.rows import Split, split


def _data(samples: int, labels: Any = None, slices: Any = None) -> Data:
    return Data(
        path=Path("data.npz"),
        files=Path("data.npz"),
        inputs={"x": np.zeros((samples, 1))},
        expected={},
        labels=None if labels is None else np.asarray(labels),
        slices=None if slices is None else ("site", np.asarray(slices)),
    )


def _parts(drawn: Split) -> list[set[int]]:
    return [set(map(int, rows)) for rows in (drawn.calibration, drawn.choice, drawn.proof)]


@given(st.integers(4, 300), st.integers(0, 400), st.integers(0, 400), st.integers(1, 9))
def test_every_row_is_in_one_part_and_half_of_them_prove(
    samples: int, calibration: int, choice: int, classes: int
) -> None:
    data = _data(samples, labels=np.arange(samples) % classes)
    parts = _parts(split(data, calibration, choice))
    assert sum(map(len, parts)) == samples and set.union(*parts) == set(range(samples))
    assert len(parts[0]) <= calibration and len(parts[1]) <= choice
    assert len(parts[2]) >= samples / 2


@pytest.mark.parametrize(
    "labels",
    [np.arange(400) % 2, np.repeat([0, 1], 200), np.where(np.arange(400) % 20, 0, 1)],
    ids=["alternating", "sorted", "rare"],
)
def test_each_class_has_its_share_of_each_part(labels: Any) -> None:
    drawn = split(_data(400, labels=labels), 100, 60)
    for rows in (drawn.calibration, drawn.choice, drawn.proof):
        expected = labels.mean() * len(rows)
        assert abs(labels[rows].sum() - expected) <= 1


def test_numbers_are_shared_by_their_quartiles_and_slices_where_there_are_no_labels() -> None:
    numbers = np.sort(np.random.default_rng(0).normal(size=400))
    drawn = split(_data(400, labels=numbers), 40, 40)
    for rows in (drawn.calibration, drawn.choice):
        assert 8 <= (numbers[rows] < np.quantile(numbers, 0.25)).sum() <= 12
    sites = np.repeat(["a", "b", "c", "d"], 100)
    drawn = split(_data(400, slices=sites), 40, 40)
    assert [int((sites[drawn.choice] == site).sum()) for site in "abcd"] == [10] * 4


def test_labels_that_are_no_groups_are_drawn_at_random() -> None:
    names = np.array([f"person {i}" for i in range(200)])
    assert len(split(_data(200, labels=names), 50, 30).proof) == 120
    masks = np.zeros((200, 8, 8), np.int64)
    assert len(split(_data(200, labels=masks), 50, 30).proof) == 120


def test_the_draw_is_the_same_each_time() -> None:
    first, again = (split(_data(100, labels=np.arange(100) % 3), 25, 25) for _ in range(2))
    np.testing.assert_array_equal(first.proof, again.proof)


def test_few_samples_are_shared_as_far_as_they_go() -> None:
    assert list(map(len, _parts(split(_data(3), 256, 256)))) == [1, 1, 1]
    two = split(_data(2), 256, 256)
    assert list(two.choice) == list(two.calibration) != list(two.proof)
    one = split(_data(1), 0, 256)
    assert list(one.choice) == list(one.proof) == [0]
    with pytest.raises(InputError, match="holds 1 sample, but static int8"):
        split(_data(1), 256, 256)


def test_fp32_alone_is_proven_on_all() -> None:
    assert list(map(len, _parts(split(_data(50), 0, 0)))) == [0, 0, 50]


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_many_classes_have_their_share_too(shape: tuple[int, ...]) -> None:
    """Of more numbers than slices would show each by itself; in a column as Keras has them."""
    labels = np.repeat(np.arange(40), 30)
    drawn = split(_data(1200, labels=labels.reshape(shape)), 200, 200)
    for rows, share in ((drawn.calibration, 5), (drawn.choice, 5), (drawn.proof, 20)):
        assert np.abs(np.bincount(labels[rows], minlength=40) - share).max() <= 1
