"""What an output cannot be is bad input, and not left open at the end."""

import numpy as np
import numpy.typing as npt
import pytest

from edgeml.errors import InputError
from edgeml_converters.roles.assume import assume_roles
from edgeml_converters.roles.given import parse_roles
from edgeml_converters.roles.graph import Graph, Made

RNG = np.random.default_rng(0)
CHANCES = RNG.random((50, 3))


def _assume(*texts: str, graph: Graph | None = None, **outputs: npt.NDArray[np.generic]) -> None:
    names = {name: name for name in outputs}
    assume_roles(outputs, parse_roles(texts), {}, graph, names)


@pytest.mark.parametrize(
    ("role", "shape", "sentence"),
    [
        ("boxes,axis=1", (3,), "four numbers for each box, but there are 3 on axis 1 of shape"),
        ("boxes", (), "four numbers for each box, but it has no axis of them of shape"),
        ("boxes,axis=2,channels=0:5", (6, 8), "but there are 5 on axis 2"),
        ("logits,axis=1", (1, 8), "two classes or more, but there are 1 on axis 1"),
        ("probabilities", (), "two classes or more, but it has no axis of them"),
        ("mask", (3,), "a picture for each sample: three axes or more, but its shape is"),
        ("image", (3,), "a picture for each sample"),
        ("heatmap", (8, 8), "a map of height and width for each point: four axes, but its"),
        ("embedding", (), "a vector for each sample"),
    ],
)
def test_a_shape_that_cannot_have_the_role(
    role: str, shape: tuple[int, ...], sentence: str
) -> None:
    with pytest.raises(InputError, match=r"--output takes 'y' for \S+, which wants") as refused:
        _assume(f"y={role}", y=RNG.random((50, *shape)))
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("role", "scale", "sentence"),
    [
        ("scores", 8.0, r"values from 0 to 1, but there is 7\.\d+; say score-logits where"),
        ("mask", -1.0, r"values from 0 to 1, but there is -0\.9\d+; say mask-logits where"),
        ("probabilities,axis=1", 9.0, r"values from 0 to 1, but there is 8\.\d+; say logits where"),
        ("probabilities,axis=1", 1.0, r"values that add up to 1, but some add up to 2\.\d+; name"),
    ],
)
def test_values_that_cannot_have_the_role(role: str, scale: float, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        _assume(f"y={role}", y=CHANCES.reshape(10, 3, 5) * scale)


@pytest.mark.parametrize(
    ("text", "outputs", "sentence"),
    [
        ("y=logits,axis=1", np.arange(6).reshape(2, 3), "numbers with fractions, but it holds int"),
        ("y=embedding", CHANCES > 0.5, "numbers with fractions, but it holds bool; say integers"),
        ("y=scores", np.arange(6).reshape(2, 3), "values from 0 to 1, but there is 5; say score"),
        ("y=integers", CHANCES, r"whole numbers, but there is 0\.\d+; say what else"),
        ("y=embedding,error=0.1", CHANCES, "error tells nothing of embedding, but of regression"),
        ("y=logits,threshold=0.3", CHANCES, "threshold tells nothing of logits, but of scores"),
        ("y=scores,corners=xyxy", CHANCES, "corners tells nothing of scores, but of boxes"),
    ],
)
def test_what_no_such_values_can_be(
    text: str, outputs: npt.NDArray[np.generic], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        _assume(text, y=outputs)


def test_whole_numbers_may_be_scores_and_few_bits_may_be_fractions() -> None:
    _assume("y=scores", y=CHANCES > 0.5)
    _assume("y=logits", y=(100 * CHANCES).astype(np.int8))
    _assume("y=integers", y=np.round(9 * CHANCES))


def test_what_the_model_leaves_open_or_rounds_is_no_fault_of_its_role() -> None:
    masked = CHANCES.copy()
    masked[0] = np.nan
    masked[1, 1] = np.inf
    _assume("y=scores", y=masked)
    rounded = CHANCES / CHANCES.sum(axis=1, keepdims=True)
    _assume("y=probabilities", y=np.round(rounded * 256) / 256)
    _assume("y=mask", y=np.zeros((4, 8, 8), np.bool_))


def test_one_error_for_channels_of_different_units() -> None:
    with pytest.raises(InputError, match="'y' for regression: one error of 5 is for channels of"):
        _assume("y=regression,error=5", y=RNG.normal(size=(50, 2)) * (40, 1e-5))


def test_a_range_that_more_than_one_axis_has_names_its_axis() -> None:
    """Of [200, 6, 20] the first four of the last axis are anchors."""
    rows = RNG.random((50, 6, 20))
    with pytest.raises(InputError, match="the axes 1 and 2 have; name one, as in y=boxes,axis=2"):
        _assume("y=boxes,channels=0:4", y=rows)
    _assume("y=boxes,axis=1,channels=0:4", "y=scores,axis=1,channels=4:", y=rows)
    _assume("y=scores,channels=8:", y=rows)  # which only one axis has
    _assume("y=signal,channels=1:3", y=rows[:, :, 0])


BOXES = "boxes=boxes,axis=2,scores=sure"


@pytest.mark.parametrize(
    ("scores", "shape"),
    [
        ((), (20,)),
        ((), (20, 1)),
        ((), (20, 80)),  # axis 1 is the shortest, but not that of the classes
        ((), (80, 20)),
        (("sure=scores,axis=1",), (20, 20)),
        (("sure=scores,axis=2,channels=1:",), (20, 5)),
        (("sure=score-logits,axis=2",), (20, 5)),
    ],
)
def test_scores_are_one_for_each_box_by_whatever_axis(
    scores: tuple[str, ...], shape: tuple[int, ...]
) -> None:
    _assume(BOXES, *scores, boxes=RNG.random((50, 20, 4)), sure=RNG.random((50, *shape)))


@pytest.mark.parametrize(
    ("scores", "shape", "sentence"),
    [
        ((), (19,), r"of the 20 boxes .* of shape \[1, 19\] there is not one for each, the sample"),
        ((), (20, 20), "there is one for each by axis 1 and by axis 2; name their axis, as in"),
        (("sure=scores,axis=1",), (20, 80), "there is not one for each beside axis 1"),
    ],
)
def test_scores_of_other_boxes_or_on_more_than_one_axis(
    scores: tuple[str, ...], shape: tuple[int, ...], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        _assume(BOXES, *scores, boxes=RNG.random((50, 20, 4)), sure=RNG.random((50, *shape)))


def test_what_stands_not_alone_is_no_score() -> None:
    """Of logits and of probabilities beside a background nobody knows from where a box counts."""
    boxes, raw = RNG.random((50, 20, 4)), RNG.normal(size=(50, 20, 5))
    with pytest.raises(InputError, match=r"but its values are not all from 0 to 1; say .*=scores,"):
        _assume(BOXES, boxes=boxes, sure=raw)
    softmax = np.exp(raw) / np.exp(raw).sum(axis=2, keepdims=True)
    with pytest.raises(InputError, match="but that is taken for probabilities; say what stands"):
        _assume(BOXES, boxes=boxes, sure=softmax)
    shown = Graph({"sure": Made("softmax", ("x",), 2)}, {"sure": (None, 20, 5), "x": (None, 20, 5)})
    with pytest.raises(InputError, match="that is taken for probabilities"):
        _assume(BOXES, graph=shown, boxes=boxes, sure=softmax)
    _assume(BOXES, "sure=scores,axis=2,channels=1:", boxes=boxes, sure=softmax)
