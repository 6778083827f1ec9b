"""Boxes, masks, maps of classes, peaks and embeddings, each by what it is for."""

from typing import Any

import numpy as np
import pytest

from edgeml.parity.requirements import requirements
from edgeml.parity.roles import Role
from edgeml_converters.parity.deciding import Column, Decision
from tests.converters.parity.judged import SAMPLES, Array, answer, seeded

BOXES = Role(kind="boxes", axis=2)
MASK = Role(kind="mask-logits", axis=1)
HEATMAP = Role(kind="heatmap", axis=1)


def _named(decision: Decision, name: str) -> list[Column]:
    return [column for column in decision.columns if column.name == name]


def _boxes() -> Array:
    rng = seeded()
    corner, size = rng.uniform(0, 500, (SAMPLES, 5, 2)), rng.uniform(20, 120, (SAMPLES, 5, 2))
    return np.concatenate([corner, corner + size], axis=-1)


def test_boxes_that_move_by_a_tenth_of_their_size_differ() -> None:
    model = _boxes()
    variant = model.copy()
    variant[..., [0, 2]] += 7
    columns = answer(BOXES, model, variant, sure=seeded().random((SAMPLES, 5)) > 0.5).columns
    assert {(column.name, column.answer) for column in columns} == {
        ("IoU of the boxes lost", "differs"), ("boxes moved", "differs"),
    }  # fmt: skip


def test_a_mean_does_not_hide_that_a_few_boxes_are_wrong() -> None:
    """In 14 of 200 samples all are those of another: a mean of 0.07 or less, of which 0.05 is
    allowed, but 7 % of the boxes cannot be hits any more."""
    model = _boxes()
    right = model + np.array([1, 0, 1, 0])
    assert answer(BOXES, model, right).answer == "same"
    wrong = model.copy()
    wrong[:14] = model[14:28]
    decision = answer(BOXES, model, wrong)
    (moved,) = _named(decision, "boxes moved")
    assert moved.value == pytest.approx(0.07) and decision.answer != "same"
    assert decision.answer == "cannot tell"
    wrong[:30] = model[30:60]
    (moved,) = _named(answer(BOXES, model, wrong), "boxes moved")
    assert (moved.value, moved.answer) == (pytest.approx(0.15), "differs")


@pytest.mark.parametrize(
    ("corners", "box"),
    [
        ("xyxy", (10, 20, 30, 60)),
        ("yxyx", (20, 10, 60, 30)),
        ("xywh", (10, 20, 20, 40)),
        ("cxcywh", (20, 40, 20, 40)),
    ],
)
def test_boxes_overlap_as_they_are_written(corners: Any, box: tuple[float, ...]) -> None:
    """The same box, beside one moved by half of its width: a third of their union is shared."""
    model = np.array([[box]], np.float64)
    variant = model.copy()
    x = [1, 3] if corners == "yxyx" else [0, 2] if corners == "xyxy" else [0]
    variant[..., x] += 10
    ((figure,), _) = requirements(Role(kind="boxes", axis=2, corners=corners), model, variant)
    np.testing.assert_allclose(figure.values, 2 / 3)


def test_scores_that_are_of_other_boxes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[200, 4\] are not one for each box of .*\[200, 5, 4\]"):
        answer(BOXES, _boxes(), _boxes(), sure=np.ones((SAMPLES, 4), np.bool_))


def _blobs(shape: tuple[int, ...]) -> Array:
    """Smooth fields around 0, such as a segmentation's logits."""
    noise = seeded().normal(size=shape)
    return (noise.cumsum(-1) + noise.cumsum(-2)).astype(np.float32)


def test_a_mask_of_one_channel_is_judged_by_what_is_inside_and_not_by_classes_along_its_width() -> (
    None
):
    model = _blobs((SAMPLES, 1, 32, 32))
    variant = model + seeded().normal(0, 0.005, model.shape)
    decision = answer(Role(kind="mask-logits", axis=1), model, variant)
    assert decision.answer == "same"
    assert {column.column for column in decision.columns} == {"inside 0", "outside 0", ""}
    assert answer(Role(kind="mask-logits", axis=1), model, model - 1.0).answer == "differs"


@pytest.mark.parametrize("axis", [1, 3])
def test_a_dense_classification_is_judged_by_the_overlap_of_each_class(axis: int) -> None:
    model = np.moveaxis(_blobs((SAMPLES, 5, 16, 16)), 1, axis)
    role = Role(kind="logits", axis=axis)
    quiet = model + seeded().normal(0, 0.01, model.shape)
    assert answer(role, model, quiet).answer == "same"
    deaf = np.array(model)
    np.moveaxis(deaf, axis, 1)[:, 2] = -100
    decision = answer(role, model, deaf)
    assert decision.answer == "differs"
    assert decision.columns[0].column == "class 2"


@pytest.mark.parametrize("axis", [1, 3])
def test_a_heat_map_is_judged_by_where_its_peaks_are(axis: int) -> None:
    rng = seeded()
    y, x = np.mgrid[:24, :16]
    at = rng.uniform(3, 12, (SAMPLES, 3, 2))
    square = (y - at[..., 0, None, None]) ** 2 + (x - at[..., 1, None, None]) ** 2
    model = np.moveaxis(np.exp(-square / 4), 1, axis)
    role = Role(kind="heatmap", axis=axis)
    assert answer(role, model, 0.97 * model).answer == "same"
    lower = answer(role, model, 0.5 * model)  # of which none is above half of the peak any more
    assert (lower.answer, lower.columns[0].name) == ("differs", "noise of the peak")
    assert answer(role, model, 0.85 * model).columns[0].needed is None
    assert answer(role, model, 0.85 * model).answer == "cannot tell"
    assert answer(role, model, np.roll(model, 1, axis=4 - axis)).answer == "differs"


def test_where_a_map_has_no_peak_its_largest_value_may_be_anywhere() -> None:
    """In a third of the pictures a point is missing, and only noise is left."""
    rng = seeded()
    y, x = np.mgrid[:16, :16]
    at = rng.integers(3, 13, (SAMPLES, 2, 2))[..., None, None]
    model = np.exp(-((y - at[:, :, 0]) ** 2 + (x - at[:, :, 1]) ** 2) / 4)
    model *= (rng.random((SAMPLES, 2)) < 0.67)[..., None, None]
    model, variant = (model + 0.01 * rng.random(model.shape) for _ in range(2))
    assert answer(HEATMAP, model, variant).answer == "same"
    gone = variant * (np.arange(SAMPLES) % 3 > 0)[:, None, None, None]
    assert answer(HEATMAP, model, gone).answer == "differs"


def test_vectors_on_the_unit_sphere_are_judged_by_their_directions() -> None:
    model = seeded().normal(size=(SAMPLES, 64))
    model /= np.linalg.norm(model, axis=1, keepdims=True)
    role = Role(kind="embedding")
    rng = np.random.default_rng(8)
    assert answer(role, model, model + rng.normal(0, 0.004, model.shape)).answer == "same"
    assert answer(role, model, model[::-1]).answer == "differs"
    for noise in (0.01, 0.03):  # good or bad, by what has to be told apart
        decision = answer(role, model, model + rng.normal(0, noise, model.shape))
        assert (decision.answer, decision.columns[0].needed) == ("cannot tell", None)
    dead = model.copy()
    dead[:, 5] = 0  # one of 64
    assert answer(role, model, 3 * model).answer == "same"
    assert answer(role, model, dead).columns[0].value == pytest.approx(1 / 64, rel=0.5)


def _chances(samples: int = SAMPLES) -> tuple[Array, Array]:
    """A model's logits of a mask, and truths drawn by them: its probabilities are right."""
    logits = _blobs((samples, 1, 24, 24)) / 4
    return logits, seeded().random(logits.shape) < 1 / (1 + np.exp(-logits))


def _iou(said: Array, truth: Array) -> float:
    return float((said & truth).sum() / (said | truth).sum())


@pytest.mark.parametrize("shift", [-0.8, -0.3, 0.5, 1.5])
def test_the_iou_that_a_mask_loses_is_what_its_own_probabilities_expect(shift: float) -> None:
    """It is what happens with the truth, of which the rule sees nothing."""
    logits, truth = _chances(800)
    lost = _iou(logits > 0, truth) - _iou(logits + shift > 0, truth)
    ((expected, _), *_) = requirements(MASK, logits, logits + shift)
    assert expected.values[0] == pytest.approx(lost, abs=0.002)


def test_what_is_said_of_a_mask_hangs_on_how_sure_the_model_was() -> None:
    """The same pixels flip, of which one model was not sure; the other was, or only seems so, as a
    Dice loss teaches."""
    logits = _blobs((SAMPLES, 1, 24, 24))
    variant = np.where(np.abs(logits) < 0.13, -logits, logits)
    found = {}
    for scale in (0.3, 100.0):
        ((expected, lost), *_) = requirements(MASK, scale * logits, scale * variant)
        found[scale] = expected.values[0]
        assert lost.values[0] == pytest.approx(0.04, abs=0.01)
    assert found[100] > 0.02 > 20 * found[0.3]
    assert answer(MASK, 0.3 * logits, variant).answer == "same"
    decision = answer(MASK, 100 * logits, variant)
    assert (decision.answer, decision.columns[0].needed) == ("cannot tell", None)
    more = np.where(np.abs(logits) < 0.3, -logits, logits)
    assert answer(MASK, 100 * logits, more).answer == "differs"


def test_a_mask_that_loses_a_hundredth_is_the_same_however_sure_it_was() -> None:
    """By the triangle inequality no truth can lose more."""
    logits = _blobs((SAMPLES, 1, 24, 24))
    variant = np.where(np.abs(logits) < 0.02, -logits, logits)
    ((expected, lost), *_) = requirements(MASK, 1e4 * logits, variant)
    assert expected.values[0] == pytest.approx(lost.values[0], rel=0.1)
    assert 0.004 < lost.values[0] < 0.008
    assert answer(MASK, 1e4 * logits, variant).answer == "same"


def test_probabilities_near_a_half_do_not_excuse_any_loss() -> None:
    logits = _blobs((SAMPLES, 1, 24, 24))
    variant = np.where(np.abs(logits) < 0.5, -logits, logits)
    decision = answer(MASK, 1e-3 * logits, variant)
    first = decision.columns[0]
    assert (decision.answer, first.name, first.limit.same) == ("differs", "IoU lost", 0.06)


def test_the_mean_of_the_classes_of_a_map_is_judged_and_each_class_less_strictly() -> None:
    model = 3 * np.moveaxis(_blobs((SAMPLES, 5, 16, 16)), 1, 3)
    wrong = model.copy()
    wrong[::20, ..., 1] = -100  # of every twentieth sample one class is lost
    (mean, _), (each, _), (lost,), *_ = requirements(Role(kind="logits", axis=3), model, wrong)
    np.testing.assert_allclose(mean.values, each.values.mean())
    np.testing.assert_array_less(each.values[1] * 0.6, lost.values[1])
    assert each.values[1] > 0.03 and each.limit_of(1).same > mean.limit_of(0).same
    decision = answer(Role(kind="logits", axis=3), model, wrong)
    (column,) = (c for c in decision.columns if c.column == "mean of the classes")
    halves = [
        requirements(Role(kind="logits", axis=3), model[part], wrong[part])[0][0].values[0]
        for part in np.array_split(seeded().permutation(SAMPLES), 4)
    ]
    assert column.high - column.value == pytest.approx(np.std(halves), rel=0.8)


def _maps(samples: int, ahead: float) -> Array:
    """Two peaks in each, of which the first is ahead."""
    rng = seeded()
    maps = rng.uniform(0, 0.1, (samples, 2, 16, 16))
    maps[:, :, 3, 3], maps[:, :, 12, 12] = 1.0 + ahead, 1.0
    return maps


def test_a_peak_that_jumps_to_one_that_is_equal_costs_nothing() -> None:
    model = _maps(SAMPLES, 0.5)
    model[::40, :, 3, 3] = 1.001
    variant = model.copy()
    variant[::40, :, 3, 3] = 0.999
    decision = answer(HEATMAP, model, variant)
    assert decision.answer == "same"
    (first, _) = _named(decision, "peak margin lost")
    assert (first.answer, first.value) == ("same", pytest.approx(5e-5, rel=0.2))


def test_more_samples_of_peaks_that_jump_seldom_and_at_no_cost_do_not_tell_less() -> None:
    """One in 150: none among 64, one or two among 200."""
    answers = []
    for samples in (64, 200, 1000):
        model = _maps(samples, 0.5)
        model[100::150, :, 3, 3] = 1.001
        variant = model.copy()
        variant[100::150, :, 3, 3] = 0.999
        answers.append(answer(HEATMAP, model, variant).answer)
    assert answers == ["same"] * 3


def test_a_few_peaks_that_jump_to_where_nothing_is_are_lost() -> None:
    model = _maps(SAMPLES, 0.5)
    variant = model.copy()
    variant[:20] = model[:20, :, ::-1, ::-1] * 0  # their peak is the first cell
    decision = answer(HEATMAP, model, variant)
    assert (decision.answer, decision.columns[0].name) == ("differs", "peak margin lost")
