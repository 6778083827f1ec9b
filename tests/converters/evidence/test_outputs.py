"""The figures of one output: against plain numpy and scikit-learn, and rules for any arrays."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special
from sklearn.calibration import calibration_curve
from sklearn.metrics import top_k_accuracy_score

from edgeml import documents
from edgeml.evidence import OutputEvidence
from edgeml.parity import Array
from edgeml_converters.evidence.labels import label_classes
from edgeml_converters.evidence.outputs import output_evidence
from edgeml_converters.evidence.probabilities import calibration_error, probabilities
from tests.converters import plain_figures

shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=7)
values = st.floats(-1e3, 1e3, width=32)
any_floats = st.floats(allow_nan=True, allow_infinity=True)
any_finite = st.floats(allow_nan=False, allow_infinity=False)
RNG = np.random.default_rng(0)


@st.composite
def pairs(draw: st.DrawFn, elements: st.SearchStrategy[float] = values) -> tuple[Array, Array]:
    one = hnp.arrays(np.float64, draw(shapes), elements=elements)
    return draw(one), draw(one)


def _floats(found: OutputEvidence) -> list[float]:
    """Every float in the document."""

    def walk(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [f for v in value.values() for f in walk(v)]
        if isinstance(value, list | tuple):
            return [f for v in value for f in walk(v)]
        return [value] if isinstance(value, float) else []

    return walk(msgspec.to_builtins(found))


@given(pairs())
def test_an_output_agrees_with_itself(pair: tuple[Array, Array]) -> None:
    a, _ = pair
    found = output_evidence("y", a, a.copy())
    assert (found.p99_abs, found.mean_abs, found.relative_to_range) == (0.0, 0.0, 0.0)
    assert (found.flips, found.worst_flips) == (0, ())
    assert found.top1 is None or found.top1.value == 1.0
    assert found.top5 is None or found.top5.value == 1.0
    assert (found.top1 is None) == (a.ndim < 2 or a.shape[-1] < 2)


@given(pairs())
def test_differences_are_plain_numpys(pair: tuple[Array, Array]) -> None:
    a, b = pair
    found = output_evidence("y", a, b)
    difference = np.abs(a - b)
    assert found.p99_abs == pytest.approx(np.percentile(difference, 99))
    assert found.mean_abs == pytest.approx(difference.mean())
    if np.ptp(b) > 0:
        assert found.relative_to_range == pytest.approx(difference.max() / np.ptp(b))
    assert found.mean_abs <= difference.max() and found.p99_abs <= difference.max()


@given(pairs())
def test_agreement_and_flips_are_two_sides_of_one_thing(pair: tuple[Array, Array]) -> None:
    a, b = pair
    found = output_evidence("y", a, b)
    if found.top1 is None:
        assert (found.flips, found.worst_flips, found.top5) == (0, (), None)
        return
    assert found.top1.value == pytest.approx(plain_figures.top1_agreement(a, b))
    assert len(found.worst_flips) == min(found.flips, 16)
    if a.ndim == 2:
        assert found.flips == round((1 - found.top1.value) * len(a))
    assert (found.flips == 0) == (found.top1.value == 1.0)
    if found.top5 is not None:
        assert found.top1.value <= found.top5.value <= 1


@given(pairs())
def test_flips_are_listed_by_the_models_margin(pair: tuple[Array, Array]) -> None:
    a, b = pair
    found = output_evidence("y", a, b)
    margins = [flip.expected_margin for flip in found.worst_flips]
    assert margins == sorted(margins, reverse=True)
    assert len({flip.sample for flip in found.worst_flips}) == len(found.worst_flips)
    for flip in found.worst_flips:
        assert flip.expected != flip.found
        assert flip.expected_margin >= 0 and flip.found_margin >= 0
        rows = zip(*(x[flip.sample].reshape(-1, x.shape[-1]) for x in (a, b)), strict=True)
        assert any((x.argmax(), y.argmax()) == (flip.found, flip.expected) for x, y in rows)


@given(pairs(any_floats))
def test_every_figure_of_any_floats_is_finite(pair: tuple[Array, Array]) -> None:
    a, b = pair
    assume((np.isfinite(a) & np.isfinite(b)).any())
    found = output_evidence("y", a, b, labels=np.zeros(len(a), int))
    assert all(map(math.isfinite, _floats(found)))
    decoded = documents.decode(documents.encode(found), OutputEvidence, "it")
    assert decoded == found


@given(pairs(any_finite), st.sampled_from([2.0**-60, 2.0**60]))
def test_scale_changes_no_share(pair: tuple[Array, Array], scale: float) -> None:
    a, b = (x.clip(-1e100, 1e100) for x in pair)
    a, b = (np.where(np.abs(x) < 1e-100, 0, x) for x in (a, b))
    one, other = output_evidence("y", a, b), output_evidence("y", a * scale, b * scale)
    assert (one.top1, one.top5, one.flips) == (other.top1, other.top5, other.flips)
    assert [f.sample for f in one.worst_flips] == [f.sample for f in other.worst_flips]
    if np.ptp(b) > 0:
        assert other.relative_to_range == pytest.approx(one.relative_to_range)


@given(st.integers(1, 20), st.integers(6, 9), st.integers(0, 2**32 - 1))
def test_top5_is_scikit_learns(n: int, classes: int, seed: int) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, n, classes))
    found = output_evidence("y", a, b)
    expected = top_k_accuracy_score(b.argmax(axis=1), a, k=5, labels=range(classes))
    assert found.top5 is not None and found.top5.value == pytest.approx(expected)


def test_a_constant_output_is_not_among_the_first_five_by_its_ties() -> None:
    expected = np.eye(8)
    found = output_evidence("y", np.zeros((8, 8)), expected)
    assert found.top5 is not None and found.top5.value == 5 / 8


def test_known_flips() -> None:
    expected = np.array([[0.0, 2.0, 9.0], [3.0, 1.0, 0.0], [0.0, 0.5, 0.25]])
    found = np.array([[0.0, 8.0, 7.5], [3.0, 1.0, 0.0], [0.5, 0.25, 0.0]])
    row = output_evidence("y", found, expected, labels=np.array([2, 0, 1]))
    assert row.flips == 2 and row.top1 is not None and row.top1.value == pytest.approx(1 / 3)
    first, second = row.worst_flips
    assert (first.sample, first.expected, first.found, first.label) == (0, 2, 1, 2)
    assert (first.expected_margin, first.found_margin) == (7.0, 0.5)
    assert (second.sample, second.expected_margin, second.found_margin) == (2, 0.25, 0.25)


def test_a_sample_with_many_positions_is_one_flip() -> None:
    expected = np.zeros((4, 50, 3))
    expected[..., 0] = 1.0
    found = expected.copy()
    found[2, :, 1] = 5.0
    row = output_evidence("y", found, expected)
    assert row.flips == 1 and [flip.sample for flip in row.worst_flips] == [2]
    assert row.top1 is not None and row.top1.value == 0.75


def test_a_sample_with_nan_agrees_with_nothing_and_has_no_margin() -> None:
    expected = np.eye(3)
    found = expected.copy()
    found[1, 0] = np.nan
    row = output_evidence("y", found, expected, labels=np.arange(3))
    assert row.flips == 1 and row.worst_flips == ()
    assert row.top1 is not None and row.top1.value == pytest.approx(2 / 3)
    assert row.mean_abs == 0.0 and row.calibration_shift == 0.0


@pytest.mark.filterwarnings("error")
def test_infinities_of_the_models_own_are_no_flips() -> None:
    """One class that is certain, one sample in which all is ruled out, one without an answer."""
    expected = np.eye(7)[:4]
    expected[1, 4] = np.inf
    expected[2] = -np.inf
    expected[3] = np.nan
    row = output_evidence("y", expected.copy(), expected)
    assert (row.flips, row.worst_flips) == (0, ())
    assert row.top1 is not None and row.top1.value == 1.0
    assert row.top5 is not None and row.top5.value == 1.0
    found = expected.copy()
    found[1, [4, 5]] = 0, np.inf
    found[2] = 0
    row = output_evidence("y", found, expected)
    assert row.flips == 2 and [flip.sample for flip in row.worst_flips] == [1]


def test_a_sample_with_nan_is_not_among_the_first_five() -> None:
    expected = np.eye(6)
    found = expected.copy()
    found[2, 5] = np.nan
    row = output_evidence("y", found, expected)
    assert row.top5 is not None and row.top5.value == pytest.approx(5 / 6)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int64", "bool", "float16"])
def test_every_dtype_has_figures(dtype: str) -> None:
    expected = np.array([[0, 1], [1, 0], [1, 0]], dtype)
    found = np.array([[0, 1], [0, 1], [1, 0]], dtype)
    row = output_evidence("y", found, expected, labels=np.array([1, 0, 0]))
    assert row.mean_abs == pytest.approx(1 / 3) and row.relative_to_range == 1.0
    assert row.flips == 1


@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (0,), (2, 0, 5)])
def test_nothing_differs_in_nothing(shape: tuple[int, ...]) -> None:
    row = output_evidence("y", np.zeros(shape), np.zeros(shape), labels=np.zeros(shape[0]))
    assert (row.p99_abs, row.mean_abs, row.relative_to_range, row.top1) == (0.0, 0.0, 0.0, None)


def test_the_range_of_a_constant_is_its_magnitude() -> None:
    four, zero = np.full((3, 1), 4.0), np.zeros((3, 1))
    assert output_evidence("y", four + 1, four).relative_to_range == 0.25
    assert output_evidence("y", zero + 0.5, zero).relative_to_range == 0.5
    assert output_evidence("y", zero + 1e200, zero).relative_to_range == pytest.approx(1e200)


@pytest.mark.parametrize(
    ("found", "expected"),
    [(np.zeros((2, 3)), np.zeros((2, 4))), (np.full((2, 2), np.nan), np.zeros((2, 2)))],
)
def test_what_cannot_be_compared_is_misuse(found: Array, expected: Array) -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        output_evidence("y", found, expected)


def test_saturation_of_raw_integers() -> None:
    found = np.array([[-128, 127, 0, 1]], np.int8)
    assert output_evidence("y", found, found).saturation == 0.5
    assert output_evidence("y", found.astype(np.int16), found).saturation is None
    assert output_evidence("y", found.astype(np.float32), found).saturation is None


def test_saturation_of_floats_by_scale() -> None:
    scale = 0.1
    expected = np.linspace(-20, 20, 81)[:, None]
    steps = np.clip(np.round(expected / scale), -128, 127)
    found = (steps * scale).astype(np.float32)
    share = float((np.abs(steps) >= 127).mean())
    assert output_evidence("y", found, expected, int8_scale=scale).saturation == pytest.approx(
        share, abs=1 / 81
    )
    exact = output_evidence("y", found, expected, int8_scale=scale, int8_zero_point=0)
    assert exact.saturation == float(((steps == -128) | (steps == 127)).mean())
    inside = expected / 4
    assert output_evidence("y", inside, inside, int8_scale=scale).saturation == 0.0
    clipped = np.minimum(inside, 2.0)
    assert output_evidence("y", clipped, inside, int8_scale=scale).saturation == pytest.approx(
        float((np.round(clipped / scale) == 20).mean())
    )


@given(st.integers(2, 60), st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_calibration_error_is_that_of_scikit_learns_curve(n: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    chances = special.softmax(rng.normal(size=(n, count)), axis=1)
    labels = rng.integers(0, count, n)
    right, confidence = chances.argmax(axis=1) == labels, chances.max(axis=1)
    true, predicted = calibration_curve(right, confidence, n_bins=10)
    bins = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], confidence), minlength=10)
    expected = (np.abs(true - predicted) * bins[bins > 0]).sum() / n
    assert calibration_error(chances, labels) == pytest.approx(expected)


def test_a_surer_variant_shifts_calibration() -> None:
    logits = RNG.normal(size=(200, 4))
    chances = special.softmax(logits, axis=1)
    labels = np.array([RNG.choice(4, p=p) for p in chances])
    row = output_evidence("y", logits * 5, logits, labels)
    assert row.calibration_shift is not None and row.calibration_shift > 0.2
    assert row.flips == 0
    same = output_evidence("y", logits.copy(), logits, labels)
    assert same.calibration_shift == 0.0
    back = output_evidence("y", logits, logits * 5, labels)
    assert back.calibration_shift == pytest.approx(-row.calibration_shift)
    named = output_evidence("y", logits * 5, logits, np.array(list("abcd"))[labels])
    assert named.calibration_shift == row.calibration_shift


def test_probabilities_are_not_squashed_again() -> None:
    chances = special.softmax(RNG.normal(size=(5, 3)), axis=1)
    quantised = np.round(chances * 256) / 256
    assert np.array_equal(probabilities(quantised, chances), quantised)
    assert np.allclose(probabilities(np.log(chances), np.log(chances)), chances)


@pytest.mark.parametrize("labels", [np.zeros(3), np.array([0.5, 9.0]), np.array(["a", "b"])])
def test_labels_that_are_no_classes_of_this_output_are_left_out(labels: Array) -> None:
    row = output_evidence("y", np.eye(3)[:2], np.eye(3)[1:], labels)
    assert row.calibration_shift is None
    assert row.flips == 2 and all(flip.label is None for flip in row.worst_flips)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_names_are_numbered_in_sorted_order(numbers: list[int]) -> None:
    labels = np.array([*numbers, 0, 1, 2, 3, 4])
    names = np.array(["a", "b", "c", "d", "e"])[labels]
    assert np.array_equal(label_classes(names, 5), labels)
    assert np.array_equal(label_classes(labels, 5), labels)
