"""Whether labels are of an output: asked of labels that are its own and of others, of each kind."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special

from edgeml.errors import InputError
from edgeml.parity.limits import LIMITS
from edgeml.parity.requirements import requirements
from edgeml_converters.evidence.labels import NO_CLASS, known_classes, label_classes
from edgeml_converters.roles.labels import told_by_labels, unused_labels

Array = npt.NDArray[np.generic]
Pair = tuple[Array, Array]
N = 64
RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 10, N)
LOGITS = (3 * np.eye(10)[CLASSES] + RNG.normal(size=(N, 10))).astype(np.float32)
MASKS = RNG.integers(0, 5, (N, 8, 8))
MAPS = np.moveaxis(3 * np.eye(5)[MASKS] + RNG.normal(size=(N, 8, 8, 5)), -1, 1)
RARE = (np.arange(N) < 2).astype(np.intp)
LINE = RNG.normal(size=(N, 1))
TOKENS = RNG.integers(0, 600, (N, 24))
PADDED = (9 * np.eye(600)[TOKENS] + RNG.normal(size=(N, 24, 600))).astype(np.float32)


def _told(values: Array, labels: Array) -> tuple[str | None, bool]:
    """The kind of the role, and whether people are told that the labels are of nothing."""
    answers = {"y": values}
    told = told_by_labels(answers, labels)
    role = told["y"].role if told else None
    said = unused_labels(answers, labels, told)
    assert (role is None) == (said != ())  # where they decide nothing that is said
    return (role.kind if role else None), any("agree with no output" in of for of in said)


@pytest.mark.parametrize(
    ("values", "labels", "kind"),
    [
        (LOGITS, np.array(list("abcdefghij"))[CLASSES], "logits"),
        (LOGITS, CLASSES.astype(np.float32), "logits"),
        (LOGITS, CLASSES + 1, "logits"),
        (LOGITS + 1e4 * LINE, CLASSES, "logits"),
        (LOGITS, np.where(np.arange(N) % 9 == 0, -100, CLASSES), "logits"),
        (MAPS, np.where(RNG.random(MASKS.shape) < 0.05, 255, MASKS).astype(np.uint8), "logits"),
        (MAPS, MASKS[:, None], "logits"),
        (MAPS, np.moveaxis(np.eye(5)[MASKS], -1, 1), "logits"),
        (np.eye(2)[RARE], RARE, "probabilities"),
        (np.hstack([3 - 4 * LINE, 4 * LINE - 3]), (LINE[:, 0] > 1).astype(int), "logits"),
        (20 * LINE + 40, np.rint(20 * LINE + 40).astype(int)[:, 0], "regression"),
        (1 / (1 + np.exp(-20 * MAPS)), 255 * (MAPS > 0).astype(np.uint8), "scores"),
        (np.where(np.arange(10) < 2, -np.inf, 9 + LOGITS), np.maximum(CLASSES, 2), "logits"),
        (np.where(np.arange(10) < 2, np.finfo("f").min, LOGITS), np.maximum(CLASSES, 2), "logits"),
        (PADDED, np.where(np.arange(24) < 6, TOKENS, -100), "logits"),
        (LOGITS[np.argsort(CLASSES)], np.sort(CLASSES), "logits"),
        (3 * np.eye(10)[np.arange(N) % 10], np.arange(N) % 10, "logits"),
        (LINE, 1000 * LINE, "regression"),
        (LINE, LINE[:, 0] + 50, "regression"),
        (np.where(LINE > 0, 1800, -60) + 9 * LINE, 2000 * (LINE > 0), "regression"),
        (np.where(LINE > 0, 0.8, 0.1) + 0.3 * LINE, (LINE > 0).astype(int), "regression"),
        (np.where(LINE > 0, 3, -4) + LINE, (LINE > 0).astype(int), "score-logits"),
    ],
    ids=[
        "names", "whole floats", "from 1 on", "a common offset", "a label to be ignored",
        "pixels to be ignored", "masks with an axis of 1", "one-hot on the first axis",
        "two of 64", "an arg max that is seldom 1", "whole targets",
        "masks of 0 and 255", "forbidden classes", "classes at the lowest number",
        "a vocabulary and padding", "sorted", "in turn", "another unit",
        "an offset", "watts", "least squares", "logits of it",
    ],
)  # fmt: skip
def test_an_outputs_own_labels_in_whatever_form(
    values: Array, labels: Array, kind: str | None
) -> None:
    assert _told(values, labels) == (kind, False)


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        (np.eye(10)[[3] * N] + 0.1, np.full(N, 3)),
        (np.eye(2)[[0, 1, 0, 1]], np.array([0, 1, 0, 1])),
        (LINE[:3], LINE[:3, 0] + 0.1),
        (np.full((N, 6), -3.0), np.zeros((N, 6), int)),
    ],
    ids=[
        "one class",
        "four samples",
        "three targets",
        "all off",
    ],
)
def test_what_nobody_can_tell_is_not_called_foreign(values: Array, labels: Array) -> None:
    assert _told(values, labels) == (None, False)


def _targets(rng: np.random.Generator) -> Pair:
    return 0.1 * rng.normal(size=(N, 8)), rng.normal(size=(N, 8))


def _own_means(rng: np.random.Generator) -> Pair:
    """Columns that lie elsewhere each, as of other samples of the same data."""
    means = 3 * rng.normal(size=16)
    return means + 0.3 * rng.normal(size=(N, 16)), means + rng.normal(size=(N, 16))


def _tags(rng: np.random.Generator) -> Pair:
    """One for all of a sequence's steps, so that they are not samples."""
    found, tags = rng.integers(0, 3, (2, N, 1))
    return np.eye(3)[np.repeat(found, 20, 1)], np.repeat(tags, 20, 1)


def _masks(rng: np.random.Generator) -> Pair:
    """Of other pictures, with something in the middle of each."""
    y, x = np.mgrid[:16, :16]
    centre, size = rng.normal(8, 1.5, (2, 2, N, 1, 1)), rng.uniform(3, 6, (2, N, 1, 1))
    inside = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < size**2
    return np.moveaxis(np.eye(2)[inside[0].astype(int)], -1, 1), inside[1].astype(np.intp)


def _marks(rng: np.random.Generator) -> Pair:
    """Some are frequent in both, some rare."""
    often = np.array([0.8, 0.1, 0.1, 0.05])
    found, marks = rng.random((2, N, 4)) < often
    return 4.0 * found - 2 + rng.normal(size=(N, 4)), marks.astype(np.intp)


def _features(rng: np.random.Generator) -> Pair:
    """Which know the classes well, but are not theirs."""
    classes = rng.integers(0, 10, N)
    return rng.normal(size=(10, 32))[classes] + rng.normal(size=(N, 32)), classes


def _features_of_two(rng: np.random.Generator) -> Pair:
    classes = rng.integers(0, 5, N)
    return rng.normal(size=(5, 5))[classes] + rng.normal(size=(N, 5)), classes


def _series(rng: np.random.Generator) -> Pair:
    """Which both go on as they were for long, as weather does."""
    return tuple(  # type: ignore[return-value]
        np.convolve(rng.normal(size=400 + 60), np.exp(-np.arange(61) / 20), "valid")[:, None]
        for _ in range(2)
    )


@pytest.mark.parametrize(
    "draw", [_targets, _own_means, _tags, _masks, _marks, _features, _features_of_two, _series]
)
def test_foreign_labels_are_seldom_taken_and_mostly_told_of(
    draw: Callable[[np.random.Generator], Pair],
) -> None:
    rng = np.random.default_rng(1)
    found = [_told(*draw(rng)) for _ in range(100)]
    assert sum(kind is not None for kind, _ in found) <= 7
    assert sum(said for _, said in found) >= (40 if draw is _series else 70)


def test_a_channel_whose_targets_are_anothers_tells_no_error() -> None:
    values = RNG.normal(size=(N, 3))
    targets = values + 0.1 * RNG.normal(size=(N, 3))
    targets[:, 1] = 0.1 * RNG.normal(size=N)
    role = told_by_labels({"y": values}, targets)["y"].role
    assert role is not None
    assert isinstance(role.error, tuple)
    assert role.error[1] is None
    assert role.error[::2] == pytest.approx((0.08, 0.08), rel=0.3)
    limit = requirements(role, values, values)[0][0].limit
    assert isinstance(limit, tuple)
    assert limit[1] == LIMITS["noise"] != limit[0]


def test_where_people_say_that_there_is_no_class() -> None:
    labels = np.array([0, 255, 2, 1], np.uint8)
    for count in (3, 4, 21):
        classes = known_classes(labels, (4,), count)
        assert classes is not None
        assert classes.tolist() == [0, NO_CLASS, 2, 1]
        with pytest.raises(InputError, match="but hold 255 where there is none"):
            label_classes(labels, count)
    black_and_white = np.array([0, 255, 255, 0], np.uint8)
    assert label_classes(black_and_white, 2).tolist() == [0, 1, 1, 0]
    assert label_classes(labels, 256).tolist() == labels.tolist()


def test_labels_of_few_classes_are_of_one_output() -> None:
    """Others know the classes too, and have as many columns: nothing tells features, or an angle
    whose sign is the class, from a second head."""
    classes = RNG.integers(0, 2, 400)
    sign = 2.0 * classes[:, None] - 1
    face = np.hstack([-3 * sign, 3 * sign]) + RNG.normal(size=(400, 2))
    gaze = np.hstack([-sign, sign]) + 3 * RNG.normal(size=(400, 2))
    again = np.hstack([-2 * sign, 2 * sign]) + 0.3 * RNG.normal(size=(400, 2))
    one_head = {
        "logits": face,
        "probabilities": special.softmax(face, axis=1),
        "one": (face[:, 1] - face[:, 0]),
        "of one": special.expit(face[:, 1:] - face[:, :1]),
    }
    for answers, owners in (
        ({"face": face, "gaze": gaze}, ["face"]),
        (one_head, list(one_head)),
        ({"face": face, "again": again}, []),
        ({"face": face, "angle": 9 * sign + RNG.normal(size=(400, 1))}, []),
    ):
        told = told_by_labels(answers, classes)
        assert [name for name, of in told.items() if of.role is not None] == owners
        assert (unused_labels(answers, classes, told) == ()) == bool(owners)


def test_right_labels_that_prove_nothing_are_not_used_in_silence() -> None:
    answers, labels = {"y": LOGITS}, np.full(N, 3)
    told = told_by_labels(answers, labels)
    (said,) = unused_labels(answers, labels, told)
    assert said == (
        f"The labels, int64 [{N}], fit y [{N}, 10], but decide nothing: these samples do not show "
        "whether they are of it and in its unit; say by --output what it is."
    )
    assert unused_labels(answers, labels, told, known=["y"]) == ()


UNITS = [(1.0, 0.0), (1.8, 32.0), (0.62, 0.0), (57.3, 0.0), (1000.0, -5.0)]


@pytest.mark.parametrize(("factor", "offset"), UNITS)
def test_an_error_is_in_the_outputs_unit_whatever_the_labels_are_in(
    factor: float, offset: float
) -> None:
    values = RNG.normal(size=(500, 1))
    targets = factor * (values + 0.05 * RNG.normal(size=(500, 1))) + offset
    role = told_by_labels({"y": values}, targets)["y"].role
    assert role is not None
    assert role.error == (pytest.approx(0.8 * 0.05, rel=0.1),)


@pytest.mark.parametrize("explained", [0.1, 0.3, 0.5, 0.9])
def test_a_weak_model_that_dares_little_has_an_error_too(explained: float) -> None:
    targets = RNG.normal(size=(2000, 1))
    noise = np.sqrt(explained * (1 - explained)) * RNG.normal(size=(2000, 1))
    role = told_by_labels({"y": explained * targets + noise}, targets)["y"].role
    assert role is not None and isinstance(role.error, tuple)
    (error,) = role.error
    true, spread = np.sqrt(1 - explained), np.sqrt(explained)
    assert error is not None
    assert error <= min(0.85 * true, spread)


def test_an_angle_whose_sign_is_the_label_is_no_score() -> None:
    """Beside the scores whose labels they are, and alone."""
    x = RNG.normal(size=(3000, 1))
    side, labels = 4 * x, (x[:, 0] > 0).astype(int)
    angle = 6 * x + 20 * RNG.normal(size=(3000, 1))
    steep = 90 * x + 30 * RNG.normal(size=(3000, 1))
    for other in (angle, steep, np.hstack([-angle, angle])):
        told = told_by_labels({"side": side, "other": other}, labels)
        assert {name for name, of in told.items() if of.role is not None} == {"side"}
    for alone in (angle, np.hstack([-angle, angle])):
        answers = {"y": alone}
        told = told_by_labels(answers, labels)
        assert told["y"].role is None
        (said,) = unused_labels(answers, labels, told)
        assert "but decide nothing" in said


def test_answers_that_lag_behind_are_of_their_labels() -> None:
    series = np.convolve(RNG.normal(size=560), np.exp(-np.arange(61) / 20), "valid")[:, None]
    for lag in (1, 3, 10):
        told = told_by_labels({"y": series[:-lag]}, series[lag:])
        assert told["y"].sure, lag


def test_labels_that_are_not_numbers_are_told_of_by_that() -> None:
    labels = LOGITS[:, 0].astype(np.float64)
    labels[3] = np.nan
    (said,) = unused_labels({"y": LOGITS}, labels, told_by_labels({"y": LOGITS}, labels))
    assert said == (
        f"The labels, float64 [{N}], hold NaN or infinity and decide nothing; leave those samples "
        "out."
    )
