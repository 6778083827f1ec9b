"""Metrics against known values, against plain numpy, and against what must hold for any arrays."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeml import documents, parity
from edgeml.parity import OutputParity, Tolerance, compare

Array = npt.NDArray[Any]
EXACT = Tolerance(max_abs=0.0, min_cosine=0.0, min_top1=1.0)
shapes = hnp.array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=5)
values = st.floats(-1e3, 1e3, width=32)
arrays = hnp.arrays(np.float32, shapes, elements=values)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Array, Array]:
    shape = draw(shapes)
    one = hnp.arrays(np.float32, shape, elements=values)
    return draw(one), draw(one)


@given(arrays)
def test_everything_agrees_with_itself(a: Array) -> None:
    found = compare("y", a, a, Tolerance(max_abs=0.0, min_cosine=1.0, min_top1=1.0))
    assert found.passed
    assert (found.max_abs, found.snr_db) == (0.0, None)
    assert found.cosine == (1.0 if a[0].size > 1 else None)
    assert found.top1 in (1.0, None)


@given(pairs())
def test_metrics_are_plain_numpys(pair: tuple[Array, Array]) -> None:
    a, b = (x.astype(np.float64) for x in pair)
    found = compare("y", *pair, EXACT)
    assert found.max_abs == np.max(np.abs(a - b))
    cosines: list[float] = []
    for x, y in zip(a, b, strict=True):
        norms = math.sqrt((x * x).sum()) * math.sqrt((y * y).sum())
        cosines.append(1.0 if (x == y).all() else (x * y).sum() / norms if norms else 0.0)
    if a[0].size > 1:
        assert found.cosine == pytest.approx(min(cosines), abs=1e-9)
    else:  # one number has a sign and no direction
        assert found.cosine is None
    if a.shape[-1] > 1:
        agree = [np.argmax(x) == np.argmax(y) for x, y in zip(_rows(a), _rows(b), strict=True)]
        assert found.top1 == pytest.approx(sum(agree) / len(agree))
    else:
        assert found.top1 is None


def _rows(a: Array) -> list[Array]:
    return list(a.reshape(-1, a.shape[-1]))


@given(pairs())
def test_what_must_hold_for_any_arrays(pair: tuple[Array, Array]) -> None:
    found, back = compare("y", *pair, Tolerance()), compare("y", pair[1], pair[0], Tolerance())
    assert found.max_abs == back.max_abs and found.top1 == back.top1
    if pair[0][0].size > 1 and found.limit_abs == back.limit_abs:
        assert found.cosine == pytest.approx(back.cosine)
        assert found.cosine is not None and -1 - 1e-9 <= found.cosine <= 1 + 1e-9
    assert found.max_abs is not None and found.max_abs >= 0
    assert (found.max_abs == 0) == (found.snr_db is None)
    assert found.top1 is None or 0 <= found.top1 <= 1


@given(pairs(), st.floats(0, 10), st.floats(1, 100))
def test_a_wider_tolerance_passes_no_less(
    pair: tuple[Array, Array], max_abs: float, wider: float
) -> None:
    narrow = Tolerance(max_abs=max_abs, min_cosine=0.9, min_top1=0.9)
    wide = Tolerance(max_abs=max_abs * wider, min_cosine=0.9 / wider, min_top1=0.9 / wider)
    assert compare("y", *pair, narrow).passed <= compare("y", *pair, wide).passed


@given(pairs(), st.sampled_from([0.125, 4.0, 64.0]))
def test_scale_changes_neither_angle_nor_order(pair: tuple[Array, Array], scale: float) -> None:
    # Scaled down further these are rounded, and then it is another pair.
    assume(all(a == 0 or abs(a) > 1e-30 for array in pair for a in array.flat))
    found = compare("y", *pair, EXACT)
    scaled = compare("y", pair[0] * scale, pair[1] * scale, EXACT)
    assert (scaled.cosine is None) == (found.cosine is None)
    assert scaled.cosine == pytest.approx(found.cosine, abs=1e-9)
    assert scaled.top1 == found.top1
    assert found.max_abs is not None and scaled.max_abs == pytest.approx(found.max_abs * scale)
    if found.snr_db is not None:
        assert scaled.snr_db == pytest.approx(found.snr_db, abs=1e-6)


@given(arrays, st.sampled_from([np.nan, np.inf, -np.inf]), st.data())
def test_nan_and_infinity_fail(a: Array, bad: float, data: st.DataObject) -> None:
    found = a.copy()
    found.flat[data.draw(st.integers(0, a.size - 1))] = bad
    loose = Tolerance(max_abs=1e9, min_cosine=-1.0, min_top1=0.0)
    verdict = compare("y", found, a, loose)
    assert not verdict.passed
    assert (verdict.max_abs, verdict.cosine, verdict.top1) == (None, None, None)


@given(arrays)
def test_another_shape_fails(a: Array) -> None:
    assert not compare("y", a[None], a, Tolerance(max_abs=1e9)).passed
    assert not compare("y", a[:, :, None], a, Tolerance(max_abs=1e9)).passed


def test_known_values() -> None:
    expected = np.array([[3.0, 4.0], [1.0, 0.0]], np.float32)
    found = np.array([[4.0, 3.0], [1.0, 0.0]], np.float32)
    verdict = compare("y", found, expected, Tolerance(max_abs=0.25, min_cosine=0.96, min_top1=0.5))
    assert (verdict.name, verdict.passed, verdict.top1) == ("y", True, 0.5)
    assert (verdict.max_abs, verdict.limit_abs) == (1.0, 1.0)  # 0.25 of the largest magnitude, 4
    assert verdict.cosine == 0.96  # 24 / 25
    assert verdict.snr_db == pytest.approx(10 * math.log10(26 / 2))


@pytest.mark.parametrize(
    "tolerance",
    [
        Tolerance(max_abs=0.24, min_cosine=0.96, min_top1=0.5),
        Tolerance(max_abs=0.25, min_cosine=0.961, min_top1=0.5),
        Tolerance(max_abs=0.25, min_cosine=0.96, min_top1=0.51),
    ],
    ids=["max_abs", "cosine", "top1"],
)
def test_each_limit_can_fail_alone(tolerance: Tolerance) -> None:
    expected = np.array([[3.0, 4.0], [1.0, 0.0]], np.float32)
    found = np.array([[4.0, 3.0], [1.0, 0.0]], np.float32)
    assert not compare("y", found, expected, tolerance).passed


def test_small_outputs_are_held_to_an_absolute_limit() -> None:
    tiny = np.full((2, 3), 1e-6, np.float32)
    assert compare("y", tiny, tiny, Tolerance(max_abs=1e-4)).limit_abs == 1e-4


def test_zero_vectors() -> None:
    zero, one = np.zeros((1, 3)), np.ones((1, 3))
    assert parity.min_cosine(zero, zero) == 1.0
    assert parity.min_cosine(zero, one) == 0.0
    assert parity.snr_db(one, zero) == 0.0


@pytest.mark.parametrize("dtype", ["int64", "uint8", "int8", "float16", "float64"])
def test_integers_do_not_wrap_around(dtype: str) -> None:
    low, high = np.array([[0, 100]], dtype), np.array([[100, 0]], dtype)
    verdict = compare("y", low, high, EXACT)
    assert verdict.max_abs == 100 and not verdict.passed
    assert compare("y", low, low, EXACT).passed


def test_a_regression_of_one_number_is_held_to_its_size_and_not_its_sign() -> None:
    expected = np.array([[0.001], [-0.001], [5.0]], np.float32)
    found = np.array([[-0.001], [0.001], [5.01]], np.float32)
    assert compare("y", found, expected, Tolerance(max_abs=0.01)).passed


def test_samples_near_zero_have_no_direction_to_lose() -> None:
    expected = np.array([[0.0, 0.0], [3.0, 4.0]], np.float32)
    found = np.array([[1e-7, -1e-7], [3.0, 4.0]], np.float32)
    assert compare("y", found, expected, Tolerance()).cosine == 1.0


def test_integers_are_equal_or_they_are_not() -> None:
    tokens = np.array([[5, 70_000], [6, 70_000]], np.int64)
    other = tokens.copy()
    other[0, 1] += 1
    verdict = compare("y", other, tokens, Tolerance())
    assert (verdict.passed, verdict.max_abs, verdict.limit_abs, verdict.top1) == (False, 1, 0, 0.75)
    assert compare("y", other, tokens, Tolerance(min_top1=0.75)).passed
    assert compare("y", tokens, tokens, Tolerance()).passed
    assert not compare("y", tokens[:1], tokens, Tolerance()).passed


def test_a_verdict_is_a_document() -> None:
    nan = np.full((1, 2), np.nan, np.float32)
    for verdict in (compare("y", nan, nan, EXACT), compare("y", nan * 0 + 1, nan, EXACT)):
        assert not verdict.passed
        assert not documents.decode(documents.encode(verdict), OutputParity, "it").passed
