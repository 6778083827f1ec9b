"""Each kind of output is judged by what it means; every case has a right answer of its own."""

import tracemalloc
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.parity.limits import noise_limit
from edgeml.parity.requirements import requirements, rounding
from edgeml.parity.roles import Kind, Role
from edgeml_converters.parity.deciding import Answer, Decision, decide

SAMPLES = 200
Array = npt.NDArray[Any]


def _answer(role: Role, model: Array, variant: Array, **options: Any) -> Decision:
    return decide(requirements(role, model, variant, **options), len(model), least=64)


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def _detector() -> Array:
    """[samples, anchors, 4 box numbers in pixels + 1 score]; few scores are high."""
    rng = _rng()
    corner, size = rng.uniform(0, 500, (SAMPLES, 60, 2)), rng.uniform(20, 120, (SAMPLES, 60, 2))
    score = rng.random((SAMPLES, 60, 1)) ** 4
    return np.concatenate([corner, corner + size, score], axis=-1).astype(np.float32)


BOXES, SCORES = Role(kind="boxes", axis=2, stop=4), Role(kind="scores", axis=2, start=4)


@pytest.mark.parametrize("role", [Role(axis=2), SCORES])
def test_a_detector_whose_every_score_is_zero_differs(role: Role) -> None:
    """Its boxes are right, and of the largest number in the tensor the scores are nothing."""
    model = _detector()
    variant = model.copy()
    variant[..., 4] = 0
    assert _answer(role, model, variant).answer == "differs"


def test_a_detector_in_int8_whose_boxes_and_scores_have_scales_of_their_own_is_the_same() -> None:
    model = _detector()
    variant = model.copy()
    variant[..., :4] = np.round(model[..., :4] / 2.5) * 2.5  # pixels
    variant[..., 4] = np.round(model[..., 4] * 256) / 256
    sure = model[..., 4] > 0.5
    assert _answer(BOXES, model, variant, sure=sure).answer == "same"
    assert _answer(SCORES, model, variant).answer == "same"


def test_boxes_that_move_by_a_tenth_of_their_size_differ() -> None:
    model = _detector()
    variant = model.copy()
    variant[..., [0, 2]] += 7
    (column,) = _answer(BOXES, model, variant, sure=model[..., 4] > 0.5).columns
    assert (column.name, column.answer) == ("IoU of the boxes lost", "differs")


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
    (((figure),),) = requirements(Role(kind="boxes", axis=2, corners=corners), model, variant)
    np.testing.assert_allclose(figure.values, 2 / 3)


def _blobs(shape: tuple[int, ...]) -> Array:
    """Smooth fields around 0, such as a segmentation's logits."""
    noise = _rng().normal(size=shape)
    return (noise.cumsum(-1) + noise.cumsum(-2)).astype(np.float32)


def test_a_mask_of_one_channel_is_judged_by_what_is_inside_and_not_by_classes_along_its_width() -> (
    None
):
    model = _blobs((SAMPLES, 1, 32, 32))
    variant = model + _rng().normal(0, 0.005, model.shape)
    decision = _answer(Role(kind="mask-logits", axis=1), model, variant)
    assert decision.answer == "same"
    assert {column.column for column in decision.columns} == {"inside 0", "outside 0"}
    assert _answer(Role(kind="mask-logits", axis=1), model, model - 1.0).answer == "differs"


@pytest.mark.parametrize("axis", [1, 3])
def test_a_dense_classification_is_judged_by_the_overlap_of_each_class(axis: int) -> None:
    model = np.moveaxis(_blobs((SAMPLES, 5, 16, 16)), 1, axis)
    role = Role(kind="logits", axis=axis)
    quiet = model + _rng().normal(0, 0.01, model.shape)
    assert _answer(role, model, quiet).answer == "same"
    deaf = np.array(model)
    np.moveaxis(deaf, axis, 1)[:, 2] = -100
    decision = _answer(role, model, deaf)
    assert decision.answer == "differs"
    assert decision.columns[0].column == "class 2"


@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e5])
def test_an_output_is_judged_against_its_own_spread_and_never_by_an_absolute_figure(
    scale: float,
) -> None:
    model = (_rng().normal(size=(SAMPLES, 3)) * scale).astype(np.float32)
    assert _answer(Role(), model, np.zeros_like(model)).answer == "differs"
    assert _answer(Role(), model, model * np.float32(1.001)).answer == "same"


def test_a_column_in_another_unit_does_not_hide_one_that_is_wrong() -> None:
    rng = _rng()
    model = np.stack([rng.normal(140, 20, SAMPLES), rng.normal(0, 1e-5, SAMPLES)], axis=1)
    variant = model.copy()
    variant[:, 1] = 0
    decision = _answer(Role(kind="regression"), model, variant)
    assert (decision.answer, decision.columns[0].column) == ("differs", "1")


def test_answers_that_lie_close_together_are_not_the_same_because_they_do() -> None:
    """A churn model's in 0.036 to 0.147: 13.7 dB of their spread."""
    model = _rng().uniform(0.036, 0.147, (SAMPLES, 1)).astype(np.float32)
    noise = _rng().normal(0, model.std() * 10 ** (-13.7 / 20), model.shape)
    assert _answer(Role(), model, model + noise).answer == "differs"


def test_vectors_on_the_unit_sphere_are_judged_by_their_directions() -> None:
    model = _rng().normal(size=(SAMPLES, 64))
    model /= np.linalg.norm(model, axis=1, keepdims=True)
    role = Role(kind="embedding")
    assert _answer(role, model, model + _rng().normal(0, 0.004, model.shape)).answer == "same"
    assert _answer(role, model, model[::-1]).answer == "differs"
    dead = model.copy()
    dead[:, 5] = 0  # one of 64
    assert _answer(role, model, 3 * model).answer == "same"
    assert _answer(role, model, dead).columns[0].value == pytest.approx(1 / 64, rel=0.5)


def _classifier(classes: int = 10, samples: int = 400) -> Array:
    """Logits of a net that knows its classes."""
    rng = _rng()
    logits = rng.normal(size=(samples, classes))
    logits[np.arange(samples), rng.integers(classes, size=samples)] += 5
    return logits.astype(np.float32)


def test_a_flip_between_two_classes_that_are_equal_costs_nothing() -> None:
    model = np.zeros((SAMPLES, 2), np.float32)
    model[:, 0] = np.where(np.arange(SAMPLES) % 10, 6.0, 1e-7)  # every tenth is a coin
    model[:100] = model[:100, ::-1]
    variant = model.copy()
    variant[::50] = variant[::50, ::-1]  # 4 of 200 coins fall on the other side
    decision = _answer(Role(kind="logits"), model, variant)
    lost = next(column for column in decision.columns if column.name == "margin lost")
    assert lost.value < 1e-6 and lost.answer == "same"


def test_a_classifier_at_a_tenth_of_a_logit_is_the_same_and_one_without_a_class_is_not() -> None:
    model = _classifier()
    quiet = model + _rng().normal(0, 0.02, model.shape)
    assert _answer(Role(kind="logits"), model, quiet).answer == "same"
    deaf = model.copy()
    deaf[:, 4] = -10
    assert _answer(Role(kind="logits"), model, deaf).answer == "differs"


def test_a_softmax_over_a_thousand_classes_that_is_mostly_noise_differs() -> None:
    """Its cosine is 1.0000 where one class holds nearly all, and the others are lost."""
    rng = _rng()
    logits = rng.normal(0, 2, (SAMPLES, 1000))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    in_int8 = np.round(p * 256) / 256
    assert _answer(Role(kind="probabilities"), p, in_int8).answer != "same"


def test_classes_may_be_on_any_axis() -> None:
    model = _classifier(7, 300)[:, :, None] + np.zeros(4, np.float32)
    variant = model.copy()
    variant[..., 2:] = np.roll(variant[..., 2:], 1, axis=1)
    assert _answer(Role(kind="logits", axis=1), model, variant).answer == "differs"
    assert _answer(Role(kind="logits", axis=1), model, model + 3).answer == "same"


def test_a_class_that_never_comes_up_cannot_be_told_of_by_its_choices() -> None:
    model = _classifier(5)
    model[:, 3] -= 20
    variant = model.copy()
    variant[:, 3] += _rng().normal(0, 1, len(model))
    decision = _answer(Role(kind="logits"), model, variant)
    assert decision.answer == "cannot tell"
    assert decision.columns[0].column == "class 3"


@pytest.mark.parametrize("axis", [1, 3])
def test_a_heat_map_is_judged_by_where_its_peaks_are(axis: int) -> None:
    rng = _rng()
    y, x = np.mgrid[:24, :16]
    at = rng.uniform(3, 12, (SAMPLES, 3, 2))
    square = (y - at[..., 0, None, None]) ** 2 + (x - at[..., 1, None, None]) ** 2
    model = np.moveaxis(np.exp(-square / 4), 1, axis)
    role = Role(kind="heatmap", axis=axis)
    assert _answer(role, model, 0.5 * model).answer == "same"
    assert _answer(role, model, np.roll(model, 1, axis=4 - axis)).answer == "differs"


def test_integers_are_counted_by_sample() -> None:
    model = _rng().integers(0, 9, (SAMPLES, 4))
    variant = model.copy()
    variant[:20] += 1
    decision = _answer(Role(kind="integers"), model, variant)
    assert (decision.answer, decision.columns[0].value) == ("differs", 0.1)
    assert _answer(Role(), model, model).answer == "same"


def test_the_models_own_error_sets_the_limit_of_a_regression() -> None:
    """At 25 dB: nothing beside an error of a third of the spread, much beside one of 1 %."""
    model = _rng().normal(size=(SAMPLES, 1)) * 40
    variant = model + _rng().normal(0, 40 * 10 ** (-25 / 20), model.shape)
    assert _answer(Role(kind="regression", error=13.0), model, variant).answer == "same"
    assert _answer(Role(kind="regression", error=0.4), model, variant).answer == "differs"
    assert _answer(Role(kind="regression"), model, variant).answer == "cannot tell"


def test_an_error_is_that_of_its_column_and_none_of_a_constant() -> None:
    rng = _rng()
    model = np.stack([rng.normal(140, 20, SAMPLES), rng.normal(0, 1e-5, SAMPLES)], axis=1)
    variant = model.copy()
    variant[:, 1] = 0
    role = Role(kind="regression", error=(5.0, 1e-6))
    decision = _answer(role, model, variant)
    assert (decision.answer, decision.columns[0].column) == ("differs", "1")
    constant = model.copy()
    constant[:, 1] = 100 + rng.integers(0, 2, SAMPLES) * 1e-5  # rounding
    assert _answer(Role(kind="regression", error=0.1), constant, variant).answer == "differs"


def test_errors_add_in_squares() -> None:
    """RMS grows from e to e + t where independent noise of N spreads squared is added."""
    error, growth = 0.2, 0.01
    limit = noise_limit(error)
    assert np.sqrt(error**2 + limit.differs) == pytest.approx(error + growth)
    assert limit.same == pytest.approx(0.6 * limit.differs)


def test_a_model_of_one_constant_proves_nothing() -> None:
    model = np.full((SAMPLES, 2), 0.25)
    assert _answer(Role(), model, model).answer == "cannot tell"


def test_a_constant_beside_others_is_judged_by_its_own_size_and_zeros_by_the_others() -> None:
    model = np.stack([_rng().normal(size=SAMPLES), np.full(SAMPLES, 5.0), np.zeros(SAMPLES)], 1)
    for column, wrong in ((1, 4.0), (2, 1.0)):
        variant = model.copy()
        variant[:, column] = wrong
        assert _answer(Role(), model, variant).answer == "differs"
    assert _answer(Role(), model, model + 1e-4).answer == "same"


def test_float32_is_held_to_rounding_besides() -> None:
    model = _rng().normal(size=(SAMPLES, 4)).astype(np.float32)
    near = (model * np.float32(1 + 3e-7)).astype(np.float32)
    assert decide([rounding(model, near)], SAMPLES, 8).answer == "same"
    assert decide([rounding(model, model * np.float32(1.001))], SAMPLES, 8).answer == "differs"


def test_float32_is_held_to_rounding_on_the_axis_of_the_roles() -> None:
    """Scores beside boxes in pixels, with the rows last."""
    model = np.moveaxis(_detector(), 2, 1)
    variant = model.copy()
    variant[:, 4] += np.float32(0.01) * (model[:, 4] > 0.5)
    assert decide([rounding(model, variant)], SAMPLES, 8).answer == "same"
    assert decide([rounding(model, variant, axis=1)], SAMPLES, 8).answer == "differs"


_KINDS: list[tuple[Kind, tuple[int, ...]]] = [
    ("logits", (5,)),
    ("logits", (5, 4, 4)),
    ("probabilities", (5,)),
    ("scores", (5,)),
    ("boxes", (3, 4)),
    ("embedding", (5,)),
    ("integers", (5,)),
    ("regression", (5,)),
    ("heatmap", (2, 4, 4)),
]


@pytest.mark.parametrize(("kind", "shape"), _KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_model_that_is_not_finite_everywhere_does_not_differ_from_itself(
    kind: Kind, shape: tuple[int, ...], value: float
) -> None:
    """Single values, a whole column, a whole sample."""
    model = _rng().random((SAMPLES, *shape))
    model.flat[::7] = value
    model[..., 1] = value
    model[3] = value
    role = Role(kind=kind, axis=2 if kind == "boxes" else 1)
    decision = _answer(role, model, model.copy())
    assert decision.answer != "differs"


def test_logits_with_classes_that_are_masked_out_are_the_same_as_themselves() -> None:
    model = _classifier(4)
    model[::3, 2] = -np.inf
    assert _answer(Role(kind="logits"), model, model).answer == "same"


def test_logits_too_close_for_their_softmax_to_tell_do_not_differ_from_themselves() -> None:
    model = _rng().normal(0, 1e-30, (SAMPLES, 5))
    assert _answer(Role(kind="logits"), model, model).answer != "differs"


@pytest.mark.parametrize(
    "kind", ["scores", "score-logits", "mask", "mask-logits", "regression", "unknown"]
)
def test_large_outputs_are_judged_in_pieces(kind: Kind) -> None:
    """All of it in float64 alone would be twice as large, and the variant the same."""
    model = _rng().random((64, 8, 32_000), dtype=np.float32)
    variant = model + np.float32(0.001)
    tracemalloc.start()
    try:
        requirements(Role(kind=kind, axis=1), model, variant)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3 * model.nbytes


@given(st.integers(0, 2**32 - 1), st.sampled_from(["unknown", "regression", "logits", "scores"]))
def test_the_order_of_samples_does_not_matter_and_a_model_says_what_it_says(
    seed: int, kind: Any
) -> None:
    rng = np.random.default_rng(seed)
    model = rng.random((64, 3))
    variant = model + rng.normal(0, 0.05, model.shape)
    order = rng.permutation(len(model))
    role = Role(kind=kind)
    first, again = _answer(role, model, variant), _answer(role, model[order], variant[order])
    assert first.answer == again.answer
    values = [[c.value for c in d.columns] for d in (first, again)]
    np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-12)
    expected: set[Answer] = {"same", "cannot tell"} if kind in ("logits", "scores") else {"same"}
    assert _answer(role, model, model).answer in expected
