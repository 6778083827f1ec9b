"""The task metric of model and variant, and all evidence of one engine together."""

from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from edgeml import documents
from edgeml.errors import InputError
from edgeml.evidence import Evidence, Interval
from edgeml.parity import Array
from edgeml_converters.evidence.evidence import evidence
from edgeml_converters.evidence.metrics import parse
from edgeml_converters.evidence.task import task

RNG = np.random.default_rng(0)
NOTHING = Interval(value=0.0, low=0.0, high=0.0)


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["accuracy", "f1", "auc", "mae"]),
    st.integers(2, 40),
    st.integers(0, 2**32 - 1),
)
def test_equal_answers_differ_by_nothing(name: str, n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 1], rng.integers(0, 2, n)])
    y = rng.normal(size=(n + 2, 1 if name == "mae" else 2)).astype(np.float32)
    made = task(parse(name), {"y": y.copy()}, {"y": y}, labels)
    assert (made.metric, made.delta) == (name, NOTHING)
    assert made.model == made.variant
    assert made.model.low <= made.model.value <= made.model.high


def test_figures_are_those_of_the_metric() -> None:
    labels = RNG.integers(0, 3, 60)
    expected = {"y": np.eye(3)[labels] + RNG.normal(scale=0.3, size=(60, 3))}
    found = {"y": expected["y"] + RNG.normal(size=(60, 3))}
    for name in ("accuracy", "f1", "auc"):
        metric = parse(name)
        made = task(metric, found, expected, labels)
        assert made.model.value == metric.score(labels, expected)
        assert made.variant.value == metric.score(labels, found)
        assert made.delta.value == pytest.approx(made.variant.value - made.model.value)
        assert made.delta.low <= made.delta.value <= made.delta.high < 0


def test_all_right_answers_of_few_samples_are_not_certain() -> None:
    labels = np.array([0, 1] * 5)
    made = task(parse("accuracy"), {"y": np.eye(2)[labels]}, {"y": np.eye(2)[labels]}, labels)
    assert made.model.value == made.model.high == 1.0
    assert 0.6 < made.model.low < 0.8
    assert made.delta == NOTHING


def test_a_single_sample_has_a_task_too() -> None:
    made = task(parse("mae"), {"y": np.array([2.0])}, {"y": np.array([1.0])}, np.array([1.0]))
    assert made.delta == Interval(value=1.0, low=1.0, high=1.0)


def test_no_figure_is_an_input_error_of_the_metric() -> None:
    with pytest.raises(InputError, match="auc needs two classes"):
        task(parse("auc"), {"y": np.eye(2)}, {"y": np.eye(2)}, np.array([1, 1]))


def _digits() -> tuple[Array, Array, Array]:
    """Float and coarsely rounded scores of a trained classifier on unseen digits, and labels."""
    pixels, labels = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=60, tol=0.05).fit(pixels[:800], labels[:800])
    unseen = pixels[800:]
    expected = model.decision_function(unseen)
    scale = float(np.abs(model.coef_).max()) / 3
    found = unseen @ (np.round(model.coef_ / scale) * scale).T + model.intercept_
    return found, expected, labels[800:]


@pytest.fixture(scope="module")
def digits() -> tuple[Array, Array, Array]:
    return _digits()


def test_a_trained_model_with_coarse_weights(digits: tuple[Array, Array, Array]) -> None:
    found, expected, labels = digits
    key = ("digit", labels)
    made = evidence({"y": found}, {"y": expected}, labels, key, parse("accuracy"))
    (row,) = made.outputs
    assert row.top1 is not None and row.top5 is not None and row.calibration_shift is not None
    assert 0.7 < row.top1.low < row.top1.value < row.top1.high < 1
    assert row.top5.value > row.top1.value
    assert row.flips == round((1 - row.top1.value) * len(labels))
    assert len(row.worst_flips) == 16
    assert all(flip.label == labels[flip.sample] for flip in row.worst_flips)
    assert made.task is not None
    assert made.task.delta.low <= made.task.delta.value <= made.task.delta.high < 0
    assert len(made.slices) == 10 and sum(one.samples for one in made.slices) == len(labels)
    accuracies = [one.task for one in made.slices if one.task is not None]
    assert min(accuracies) < made.task.variant.value < max(accuracies)
    assert documents.decode(documents.encode(made), Evidence, "it") == made


def test_evidence_is_the_same_each_time(digits: tuple[Array, Array, Array]) -> None:
    found, expected, labels = digits
    one, other = (
        evidence({"y": found}, {"y": expected}, labels, ("d", labels), parse("f1"))
        for _ in range(2)
    )
    assert documents.encode(one) == documents.encode(other)


def test_a_binary_model_of_one_column() -> None:
    values, labels = load_breast_cancer(return_X_y=True)
    values = StandardScaler().fit_transform(values)
    model = LogisticRegression().fit(values[::2], labels[::2])
    expected = model.predict_proba(values[1::2])[:, 1:].astype(np.float32)
    found = np.round(expected * 4) / 4
    made = evidence({"y": found}, {"y": expected}, labels[1::2], metric=parse("auc"))
    assert made.task is not None
    assert made.task.model.value > 0.98
    assert -0.05 < made.task.delta.value < 0 and made.task.delta.high < 0
    assert made.outputs[0].top1 is None


def test_what_is_not_finite_or_missing_has_no_task_and_no_figures() -> None:
    expected = {"y": np.eye(3), "z": np.ones((3, 2)), "w": np.ones((3, 1))}
    found = {"y": np.full((3, 3), np.nan), "z": np.ones((3, 3)), "w": np.ones((3, 1))}
    made = evidence(found, expected, np.arange(3), ("key", np.arange(3)), parse("accuracy"))
    assert [row.name for row in made.outputs] == ["w"]
    assert made.task is None
    assert [one.task for one in made.slices] == [None] * 3
    del found["w"]
    assert evidence(found, expected, np.arange(3), ("key", np.arange(3))) == Evidence(outputs=())


@st.composite
def conversions(draw: st.DrawFn) -> tuple[dict[str, Array], dict[str, Array], Array | None, Array]:
    """Answers of a variant and of a model, labels and a key, of any dtype and shape."""
    n = draw(st.integers(0, 6))
    found: dict[str, Array] = {}
    expected: dict[str, Array] = {}
    for name in draw(st.sampled_from([("y",), ("y", "z")])):
        shape = (n, *draw(hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=7)))
        dtype = np.dtype(draw(st.sampled_from(["f2", "f4", "f8", "i1", "u1", "i8", "?"])))
        finite = hnp.from_dtype(dtype, allow_nan=False, allow_infinity=False)
        expected[name] = draw(hnp.arrays(dtype, shape, elements=finite))
        found[name] = draw(hnp.arrays(dtype, shape) | st.just(expected[name]))
    labels = draw(
        st.none()
        | hnp.arrays(np.int64, n, elements=st.integers(-1, 8))
        | hnp.arrays(np.float64, n)
        | hnp.arrays(np.dtype("U2"), n)
    )
    return found, expected, labels, draw(hnp.arrays(np.float32, n))


@settings(max_examples=200, deadline=None)
@given(conversions())
def test_any_arrays_make_a_document(
    it: tuple[dict[str, Array], dict[str, Array], Array | None, Array],
) -> None:
    found, expected, labels, key = it
    made = evidence(found, expected, labels, ("key", key), int8_scales={"y": 0.1})
    assert documents.decode(documents.encode(made), Evidence, "it") == made
    if made.outputs:
        assert sum(one.samples for one in made.slices) == len(key)
    for name in ("accuracy", "f1", "auc", "mae"):
        with suppress(InputError):
            metric = replace(parse(name), resamples=10)
            documents.encode(evidence(found, expected, labels, metric=metric))


def test_class_numbers_of_a_large_vocabulary_need_no_large_matrix() -> None:
    tokens = np.array([0, 56_223, 1_000_000_000_000, 56_223])
    found = {"y": np.array([0, 56_223, 7, 0])}
    f1 = evidence(found, {"y": tokens}, tokens, metric=parse("f1")).task
    assert f1 is not None
    # 0: 2/3, 56223: 2/3, 10^12 and 7: never met.
    assert f1.variant.value == pytest.approx((2 / 3 + 2 / 3) / 4) and f1.model.value == 1.0


def test_one_nan_leaves_figures_but_no_task() -> None:
    found = np.eye(3)
    found[0, 0] = np.nan
    made = evidence({"y": found}, {"y": np.eye(3)}, np.arange(3), metric=parse("accuracy"))
    assert made.task is None and [row.flips for row in made.outputs] == [1]


def test_a_metric_without_labels_is_an_input_error() -> None:
    with pytest.raises(InputError, match="save them as 'labels'"):
        evidence({"y": np.eye(2)}, {"y": np.eye(2)}, metric=parse("accuracy"))


def test_scales_of_int8_reach_their_output() -> None:
    y = np.linspace(-12.8, 12.7, 256)[:, None]
    made = evidence({"y": y, "z": y}, {"y": y, "z": y}, int8_scales={"y": 0.1})
    assert [row.saturation for row in made.outputs] == [2 / 256, None]
