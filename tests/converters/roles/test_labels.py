"""Whether labels are of an output: asked of labels that are its own and of others, of each kind."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

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


def _told(values: Array, labels: Array) -> tuple[str | None, bool]:
    """The kind of the role, and whether people are told that the labels are of nothing."""
    answers = {"y": values}
    told = told_by_labels(answers, labels)
    role = told["y"].role if told else None
    return (role.kind if role else None), unused_labels(answers, labels, told) != ()


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
    ],
    ids=[
        "names", "whole floats", "from 1 on", "a common offset", "a label to be ignored",
        "pixels to be ignored", "masks with an axis of 1", "one-hot on the first axis",
        "two of 64", "an arg max that is seldom 1", "whole targets",
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
        (LINE, 1000 * LINE),
        (LINE, LINE[:, 0] + 50),
        (np.full((N, 6), -3.0), np.zeros((N, 6), int)),
    ],
    ids=["one class", "four samples", "three targets", "another unit", "an offset", "all off"],
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


@pytest.mark.parametrize("draw", [_targets, _own_means, _tags, _masks, _marks, _features])
def test_foreign_labels_are_seldom_taken_and_mostly_told_of(
    draw: Callable[[np.random.Generator], Pair],
) -> None:
    rng = np.random.default_rng(1)
    found = [_told(*draw(rng)) for _ in range(100)]
    assert sum(kind is not None for kind, _ in found) <= 7
    assert sum(said for _, said in found) >= 80


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
