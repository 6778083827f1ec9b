"""Which boxes count: those of which the model's best score is on."""

import numpy as np
import pytest

from edgeml.parity.roles import Role
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rule import Rule
from edgeml_converters.roles.sure import sure_boxes
from tests.converters.parity.judged import SAMPLES, Array, seeded


def _boxes() -> Array:
    """[samples, 50, 4], in pixels."""
    rng = seeded()
    corners = rng.uniform(0, 500, (SAMPLES, 50, 2))
    sizes = rng.uniform(40, 140, (SAMPLES, 50, 2))
    return np.concatenate([corners, corners + sizes], axis=-1).astype(np.float32)


@pytest.mark.parametrize("kind", ["score-logits", "scores"])
def test_boxes_count_where_another_outputs_score_is_on(kind: str) -> None:
    boxes = _boxes()
    chances = np.where(np.arange(50) < 5, 0.9, 0.1) * np.ones((SAMPLES, 1))
    sure = chances if kind == "scores" else np.log(chances / (1 - chances))
    score_role = Role(kind="scores" if kind == "scores" else "score-logits", axis=1, threshold=0.4)
    rule = Rule({"boxes": (Role(kind="boxes", axis=2, scores="sure"),), "sure": (score_role,)})
    model = {"boxes": boxes, "sure": sure.astype(np.float32)}
    variant = model | {"boxes": boxes + np.float32(200) * (np.arange(50) >= 5)[:, None]}
    assert judge(variant, model, rule)[0].answer == "same"
    variant = model | {"boxes": boxes + np.float32(200) * (np.arange(50) < 5)[:, None]}
    assert judge(variant, model, rule)[0].answer == "differs"


def test_boxes_of_which_none_counts_are_no_constant() -> None:
    boxes = _boxes()
    roles = {"y": (Role(kind="boxes", scores="s"),), "s": (Role(kind="scores"),)}
    scores = np.full((SAMPLES, 50), 0.1, np.float32)
    found, _ = judge({"y": boxes + 200, "s": scores}, {"y": boxes, "s": scores}, Rule(roles))
    assert found.answer == "cannot tell"
    assert "constant" not in found.reason


def test_the_axis_of_the_classes_is_the_one_that_leaves_a_score_for_each_box() -> None:
    """And not the shortest, nor always the last."""
    rows = seeded().random((3, 20, 80))
    rows[:, 5] /= 2
    for values in (rows, rows.transpose(0, 2, 1)):
        found = sure_boxes("s", (Role(kind="scores", threshold=0.6),), {"s": values}, 20)
        np.testing.assert_array_equal(found, (rows > 0.6).any(axis=2))
    with pytest.raises(ValueError, match="not one for each"):
        sure_boxes("s", (), {"s": rows}, 21)
