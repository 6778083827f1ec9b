"""The built-in metrics against scikit-learn, and what each says when it cannot be asked."""

import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import special
from sklearn import metrics as sklearn_metrics

from edgeml.errors import InputError
from edgeml.parity import Array
from edgeml_converters.evidence.metrics import parse

RNG = np.random.default_rng(0)


@st.composite
def classified(draw: st.DrawFn, least: int = 2) -> tuple[Array, Array]:
    """Labels [n] and logits [n, classes], ties among them."""
    count = draw(st.integers(least, 5))
    n = draw(st.integers(2, 30))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    return rng.integers(0, count, n), rng.normal(size=(n, count)).round(1).astype(np.float32)


@given(classified())
def test_accuracy_is_scikit_learns(it: tuple[Array, Array]) -> None:
    labels, logits = it
    expected = sklearn_metrics.accuracy_score(labels, logits.argmax(axis=1))
    assert parse("accuracy").score(labels, {"y": logits}) == pytest.approx(expected)


@given(classified())
def test_f1_is_scikit_learns(it: tuple[Array, Array]) -> None:
    labels, logits = it
    average = "binary" if logits.shape[1] == 2 else "macro"
    found = logits.argmax(axis=1)
    assume(found.any() or labels.any())  # without class 1 scikit-learn warns
    expected = sklearn_metrics.f1_score(labels, found, average=average)
    assert parse("f1").score(labels, {"y": logits}) == pytest.approx(expected)


@given(classified(), st.booleans())
def test_auc_of_logits_and_of_probabilities_is_scikit_learns(
    it: tuple[Array, Array], as_logits: bool
) -> None:
    labels, logits = it
    assume(len(np.unique(labels)) == logits.shape[1])
    chances = special.softmax(logits.astype(np.float64), axis=1)
    expected = (
        sklearn_metrics.roc_auc_score(labels, chances[:, 1])
        if logits.shape[1] == 2
        else sklearn_metrics.roc_auc_score(labels, chances, multi_class="ovr")
    )
    found = parse("auc").score(labels, {"y": logits if as_logits else chances})
    assert found == pytest.approx(expected, abs=1e-6)


@given(st.integers(1, 20), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_mae_is_scikit_learns(n: int, columns: int, seed: int) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, n, columns))
    expected = sklearn_metrics.mean_absolute_error(a, b)
    assert parse("mae").score(a, {"y": b}) == pytest.approx(expected)


@settings(max_examples=30)
@given(classified(), st.sampled_from(["accuracy", "f1", "auc"]), st.randoms(use_true_random=False))
def test_the_order_of_samples_does_not_matter(
    it: tuple[Array, Array], name: str, random: Random
) -> None:
    labels, logits = it
    assume(len(np.unique(labels)) > 1)
    order = list(range(len(labels)))
    random.shuffle(order)
    metric = parse(name)
    found = metric.score(labels[order], {"y": logits[order]})
    assert found == pytest.approx(metric.score(labels, {"y": logits}))


@given(classified(3), st.integers(0, 2**32 - 1))
def test_a_draw_with_repeats_is_scored_as_scikit_learn_scores_it(
    it: tuple[Array, Array], seed: int
) -> None:
    """As the bootstrap and the slices ask: by rows, some of them twice, some not at all."""
    labels, logits = it
    rows = np.random.default_rng(seed).integers(0, len(labels), len(labels))
    found = {name: parse(name).bind(labels, {"y": logits})(rows) for name in ("accuracy", "f1")}
    true, predicted = labels[rows], logits[rows].argmax(axis=1)
    assert found["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(true, predicted))
    f1 = sklearn_metrics.f1_score(true, predicted, average="macro")
    assert found["f1"] == pytest.approx(f1)
    area = parse("auc").bind(labels, {"y": logits})(rows)
    chances = special.softmax(logits[rows].astype(np.float64), axis=1)
    areas = [
        float(sklearn_metrics.roc_auc_score(true == c, chances[:, c]))
        for c in np.unique(true)
        if len(np.unique(true)) > 1
    ]
    assert area == (pytest.approx(sum(areas) / len(areas)) if areas else None)


@given(classified(), st.sampled_from(["accuracy", "f1", "auc"]))
def test_right_answers_score_1(it: tuple[Array, Array], name: str) -> None:
    labels, logits = it
    assume(len(np.unique(labels)) == logits.shape[1])
    sure = np.eye(logits.shape[1])[labels]
    assert parse(name).score(labels, {"y": sure}) == 1.0


@pytest.mark.parametrize("name", ["accuracy", "f1", "auc"])
def test_labels_may_be_anything_that_names_the_classes(name: str) -> None:
    labels = np.array([0, 1, 2, 1, 0, 2, 1])
    answers = {"y": RNG.normal(size=(7, 3))}
    metric = parse(name)
    expected = metric.score(labels, answers)
    assert metric.score(np.array(["ant", "bee", "cow"])[labels], answers) == expected
    assert metric.score(labels.astype(np.float32), answers) == expected
    assert metric.score(labels[:, None], answers) == expected
    assert metric.score(np.array([10, 20, 30])[labels], answers) == expected
    assert metric.score(np.array([0.5, 1.5, 2.5])[labels], answers) == expected
    assert metric.score(np.eye(3)[labels], answers) == expected


@pytest.mark.parametrize("shape", [(6,), (6, 1)])
def test_one_column_holds_the_chance_or_the_logit_of_the_second_class(shape: tuple[int]) -> None:
    labels = np.array([0, 1, 1, 0, 1, 0])
    logits = np.array([-2.0, 3.0, -0.1, 0.4, 1.0, -4.0])
    for scores in (logits, special.expit(logits)):
        answers = {"y": scores.reshape(shape)}
        assert parse("accuracy").score(labels, answers) == pytest.approx(4 / 6)
        area = sklearn_metrics.roc_auc_score(labels, logits)
        assert parse("auc").score(labels == 1, answers) == pytest.approx(area)
        expected = sklearn_metrics.f1_score(labels, logits > 0)
        assert parse("f1").score(labels, answers) == pytest.approx(expected)


def test_logits_that_look_like_probabilities_are_told_by_the_models_own() -> None:
    found, model = np.array([0.1, 0.9]), np.array([-0.2, 0.9])
    assert parse("accuracy").score(np.array([1, 1]), {"y": found}, {"y": model}) == 1.0
    assert parse("accuracy").score(np.array([1, 1]), {"y": found}) == 0.5


def test_class_numbers_are_taken_as_they_are() -> None:
    labels, numbers = np.array([0, 3, 1, 3]), np.array([0, 3, 2, 3])
    assert parse("accuracy").score(labels, {"y": numbers}) == 0.75
    expected = sklearn_metrics.f1_score(labels, numbers, average="macro")
    assert parse("f1").score(labels, {"y": numbers}) == pytest.approx(expected)
    with pytest.raises(InputError, match="auc needs an output of scores"):
        parse("auc").score(labels, {"y": numbers})
    with pytest.raises(InputError, match="labels must be class numbers"):
        parse("accuracy").score(np.array(list("abcd")), {"y": numbers})


def test_every_position_of_a_sequence_may_have_a_label() -> None:
    labels = RNG.integers(0, 3, (5, 4))
    logits = RNG.normal(size=(5, 4, 3))
    expected = sklearn_metrics.accuracy_score(labels.ravel(), logits.argmax(axis=-1).ravel())
    assert parse("accuracy").score(labels, {"y": logits}) == pytest.approx(expected)
    chances = special.softmax(logits, axis=-1).reshape(-1, 3)
    area = sklearn_metrics.roc_auc_score(labels.ravel(), chances, multi_class="ovr")
    assert parse("auc").score(labels, {"y": logits}) == pytest.approx(area)
    flat = sklearn_metrics.f1_score(labels.ravel(), logits.argmax(axis=-1).ravel(), average="macro")
    assert parse("f1").score(labels, {"y": logits}) == pytest.approx(flat)


def test_the_output_that_fits_is_found_among_others() -> None:
    labels = np.array([0, 1, 1])
    answers = {"embedding": RNG.normal(size=(3, 2, 8)), "y": np.eye(2)[labels]}
    assert parse("accuracy").score(labels, answers) == 1.0
    assert parse("mae").score(answers["embedding"] + 1, answers) == pytest.approx(1.0)


def test_huge_values_overflow_nowhere() -> None:
    huge = np.array([[1.7e308, -1.7e308], [-1.7e308, 1.7e308]])
    assert parse("auc").score(np.array([0, 1]), {"y": huge}) == 1.0
    assert parse("mae").score(-huge, {"y": huge}) == pytest.approx(1.7976931348623157e308)


@pytest.mark.parametrize(
    ("name", "labels", "answers", "says"),
    [
        ("accuracy", None, {"y": np.eye(2)}, "save them as 'labels'"),
        ("accuracy", np.arange(3), {"y": np.eye(2)}, "3 labels for 2 rows in y"),
        ("accuracy", np.arange(0), {"y": np.zeros((0, 2))}, "a label for every sample"),
        ("f1", np.arange(2), {"a": np.eye(2), "b": np.eye(2)}, r"a \[2, 2\], b \[2, 2\] 2 fit"),
        ("auc", np.arange(2), {"y": np.zeros((2, 3, 4))}, "none fit"),
        ("accuracy", np.array([0, 7]), {"y": np.zeros((2, 3))}, "from 0 to 2 or 3 distinct"),
        ("accuracy", np.array(list("abcdef")), {"y": np.zeros((6, 2))}, r"6 \(a, b, c, d, ...\)"),
        ("accuracy", np.arange(2), {"y": np.array([[np.nan, 1], [0, 1]])}, "finite answers"),
        ("auc", np.array([1, 1]), {"y": np.eye(2)}, "auc needs two classes"),
        ("mae", np.array(["a", "b"]), {"y": np.zeros(2)}, "finite numbers"),
        ("mae", np.arange(2), {"y": np.zeros((2, 5))}, "of the labels' shape"),
    ],
)
def test_what_is_missing_is_said(
    name: str, labels: Array | None, answers: dict[str, Array], says: str
) -> None:
    with pytest.raises(InputError, match=says):
        parse(name).score(labels, answers)


@pytest.mark.parametrize("text", ["", "precision", "a.py:f", "module:", ":f", "m:f:g", "m:f()"])
def test_what_is_no_metric_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="accuracy, f1, auc, mae or module:callable"):
        parse(text)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the current folder with metrics, good and bad."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("depth_test_metrics", "depth_test_bad"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "depth_test_metrics.py").write_text(
        "def first(labels, answers): return (labels == answers['y'][:, 0]).mean()\n"
        "def nan(labels, answers): return float('nan')\n"
        "def text(labels, answers): return 'good'\n"
        "def broken(labels, answers): raise KeyError('z')\n"
        "number = 3\n"
    )
    (tmp_path / "depth_test_bad.py").write_text("import nothing_of_this_name\n")
    return "depth_test_metrics"


def test_a_callable_of_the_current_folder(module: str) -> None:
    metric = parse(f"{module}:first")
    assert metric.name == f"{module}:first"
    assert metric.score(np.array([1, 2]), {"y": np.array([[1], [3]])}) == 0.5


@pytest.mark.parametrize(
    ("callable_", "says"),
    [
        ("depth_test_metrics:nan", "has no figure over these 2 samples"),
        ("depth_test_metrics:text", "failed on 2 samples .ValueError"),
        (
            "depth_test_metrics:broken",
            r"failed on 2 samples .KeyError: 'z', at depth_test_metrics.py:\d+\)",
        ),
        ("depth_test_metrics:number", "is not a callable"),
        ("depth_test_metrics:missing", "is not a callable"),
        ("depth_test_bad:f", "could not be imported .ModuleNotFoundError"),
        ("no_such_module_here:f", "could not be imported .ModuleNotFoundError"),
    ],
)
def test_a_bad_callable_is_said(module: str, callable_: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse(callable_).score(np.array([1, 2]), {"y": np.zeros((2, 1))})
