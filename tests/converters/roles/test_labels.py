"""Whether labels are of an output: asked of labels that are its own and of others, of each kind."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special

from edgeml.errors import InputError
from edgeml_converters.evidence.labels import NO_CLASS, known_classes, label_classes
from edgeml_converters.roles.labels import told_by_labels
from edgeml_converters.roles.unused import unused_labels

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
SIGMOID = special.expit(3 * RNG.normal(size=(N, 14)))
NOT_KNOWN = RNG.random(SIGMOID.shape) < 0.2
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
        (1 / (1 + np.exp(-20 * MAPS)), 255 * (MAPS > 0).astype(np.uint8), "mask"),
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
        (LOGITS, 0.9 * np.eye(10)[CLASSES] + 0.01, "logits"),
        (SIGMOID, np.where(NOT_KNOWN, -1, SIGMOID > 0.5), "scores"),
        (SIGMOID, np.where(NOT_KNOWN, 255, SIGMOID > 0.5), "scores"),
        (8 * SIGMOID - 4, np.where(NOT_KNOWN, -100, SIGMOID > 0.5), "score-logits"),
        (MAPS[:, :1], np.where(MAPS[:, :1] > 1, 1, 0), "mask-logits"),
        (np.clip(MAPS[:, :1], 0, 1), np.where(MAPS[:, :1] > 9, 255, MAPS[:, :1] > 1), "mask"),
        (np.tanh(LINE), np.sign(np.rint(LINE)), None),
    ],
    ids=[
        "names", "whole floats", "from 1 on", "a common offset", "a label to be ignored",
        "pixels to be ignored", "masks with an axis of 1", "one-hot on the first axis",
        "two of 64", "an arg max that is seldom 1", "whole targets",
        "masks of 0 and 255", "forbidden classes", "classes at the lowest number",
        "a vocabulary and padding", "sorted", "in turn", "another unit",
        "an offset", "watts", "least squares", "logits of it",
        "smoothed", "not known", "not known either", "not known of logits", "a mask of logits",
        "a mask with pixels to be ignored", "a measure from -1 to 1, or not known",
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
        "whether they are of it and in its unit; say by --output what it is, as in --output "
        "y=logits."
    )
    assert unused_labels(answers, labels, told, known=["y"]) == ()


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


@pytest.mark.parametrize("heat", [1.0, 5.0])
@pytest.mark.parametrize("often", [0.5, 0.1, 0.02])
def test_a_head_that_is_too_sure_or_weighs_its_classes_keeps_its_role(
    heat: float, often: float
) -> None:
    """As nets are that were trained for long, or with weights for what is rare."""
    rng = np.random.default_rng(0)
    side = 2.0 * (rng.random((3000, 1)) < often) - 1
    logit = heat * (side + rng.normal(size=(3000, 1)))
    for values, kind in ((logit, "score-logits"), (np.hstack([-logit, logit]) / 2, "logits")):
        assert _told(values, (side[:, 0] > 0).astype(int)) == (kind, False)


def test_an_output_that_hits_by_chance_takes_no_labels_away() -> None:
    classes = (RNG.random(400) < 0.03).astype(int)
    alarm = special.expit(3 * classes[:, None] - 1 + RNG.normal(size=(400, 1)))
    size = np.abs(RNG.normal(size=(400, 2)))
    size[:, 0] += 9  # the first is the larger in 97 %
    told = told_by_labels({"alarm": alarm, "size": size}, classes)
    assert [name for name, of in told.items() if of.role is not None] == ["alarm"]


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
