"""Each kind of output is judged by what it means; every case has a right answer of its own."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeml.parity.limits import noise_limit
from edgeml.parity.requirements import requirements, rounding
from edgeml.parity.roles import Kind, Role
from edgeml_converters.parity.deciding import Answer, decide
from tests.converters.parity.judged import SAMPLES, Array, answer, seeded


def _detector() -> Array:
    """[samples, anchors, 4 box numbers in pixels + 1 score]; few scores are high."""
    rng = seeded()
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
    assert answer(role, model, variant).answer == "differs"


@pytest.mark.parametrize("anchors", [20, 60])
def test_a_detector_of_unknown_layout_is_never_the_same_without_its_scores(anchors: int) -> None:
    """Whether more anchors than its 24 channels or fewer, as rows or as columns."""
    rng = seeded()
    rows = np.concatenate(
        [_detector()[:, :anchors], rng.random((SAMPLES, anchors, 19)) ** 4], axis=2
    )
    dead = rows.copy()
    dead[..., 4] = 0
    assert answer(Role(), rows, dead).answer == "differs"
    columns, dead = (np.moveaxis(array, 1, 2) for array in (rows, dead))
    decision = answer(Role(), columns, dead)
    assert (decision.answer, decision.columns[0].column) == ("cannot tell", "4 on axis 1")
    assert answer(Role(axis=1), columns, dead).answer == "differs"
    for right in (rows, columns):
        assert answer(Role(), right, right * 1.001).answer == "same"


def test_of_an_unknown_signal_not_every_step_is_judged() -> None:
    model = seeded().normal(size=(8, 12_000, 2))
    ((figure,),) = requirements(Role(), model, model)
    assert figure.numerators.shape == (8, 2)
    ((figure,),) = requirements(Role(), model[:, :500], model[:, :500])
    assert len(figure.columns) == 502 and figure.columns[-1] == "499 on axis 1"


def test_positions_that_hardly_vary_make_no_unknown_map_differ() -> None:
    """The rim of a map is lost in int8, with no harm: of itself it is all noise."""
    model = np.abs(seeded().normal(size=(SAMPLES, 3, 12, 12)))
    model[:, :, 0] *= 1e-4
    variant = np.round(model * 256) / 256
    decision = answer(Role(), model, variant)
    first = decision.columns[0]
    assert (decision.answer, first.column, first.needed) == ("cannot tell", "0 on axis 2", None)
    assert answer(Role(axis=1), model, variant).answer == "same"


def test_a_detector_in_int8_whose_boxes_and_scores_have_scales_of_their_own_is_the_same() -> None:
    model = _detector()
    variant = model.copy()
    variant[..., :4] = np.round(model[..., :4] / 2.5) * 2.5  # pixels
    variant[..., 4] = np.round(model[..., 4] * 256) / 256
    sure = model[..., 4] > 0.5
    assert answer(BOXES, model, variant, sure=sure).answer == "same"
    assert answer(SCORES, model, variant).answer == "same"


@pytest.mark.parametrize("scale", [1e-5, 1.0, 1e5])
def test_an_output_is_judged_against_its_own_spread_and_never_by_an_absolute_figure(
    scale: float,
) -> None:
    model = (seeded().normal(size=(SAMPLES, 3)) * scale).astype(np.float32)
    assert answer(Role(), model, np.zeros_like(model)).answer == "differs"
    assert answer(Role(), model, model * np.float32(1.001)).answer == "same"


def test_a_column_in_another_unit_does_not_hide_one_that_is_wrong() -> None:
    rng = seeded()
    model = np.stack([rng.normal(140, 20, SAMPLES), rng.normal(0, 1e-5, SAMPLES)], axis=1)
    variant = model.copy()
    variant[:, 1] = 0
    decision = answer(Role(kind="regression"), model, variant)
    assert (decision.answer, decision.columns[0].column) == ("differs", "1")


def test_answers_that_lie_close_together_are_not_the_same_because_they_do() -> None:
    """A churn model's in 0.036 to 0.147: 13.7 dB of their spread."""
    model = seeded().uniform(0.036, 0.147, (SAMPLES, 1)).astype(np.float32)
    noise = seeded().normal(0, model.std() * 10 ** (-13.7 / 20), model.shape)
    assert answer(Role(), model, model + noise).answer == "differs"


def test_integers_are_counted_by_sample() -> None:
    model = seeded().integers(0, 9, (SAMPLES, 4))
    variant = model.copy()
    variant[:20] += 1
    decision = answer(Role(kind="integers"), model, variant)
    assert (decision.answer, decision.columns[0].value) == ("differs", 0.1)
    assert answer(Role(), model, model).answer == "same"


def test_the_models_own_error_sets_the_limit_of_a_regression() -> None:
    """At 25 dB: nothing beside an error of a third of the spread, much beside one of 1 %."""
    model = seeded().normal(size=(SAMPLES, 1)) * 40
    variant = model + seeded().normal(0, 40 * 10 ** (-25 / 20), model.shape)
    assert answer(Role(kind="regression", error=13.0), model, variant).answer == "same"
    assert answer(Role(kind="regression", error=0.4), model, variant).answer == "differs"
    assert answer(Role(kind="regression"), model, variant).answer == "cannot tell"


def test_an_error_is_that_of_its_column_and_none_of_a_constant() -> None:
    rng = seeded()
    model = np.stack([rng.normal(140, 20, SAMPLES), rng.normal(0, 1e-5, SAMPLES)], axis=1)
    variant = model.copy()
    variant[:, 1] = 0
    role = Role(kind="regression", error=(5.0, 1e-6))
    decision = answer(role, model, variant)
    assert (decision.answer, decision.columns[0].column) == ("differs", "1")
    constant = model.copy()
    constant[:, 1] = 100 + rng.integers(0, 2, SAMPLES) * 1e-5  # rounding
    assert answer(Role(kind="regression", error=0.1), constant, variant).answer == "differs"


def test_one_error_for_channels_of_different_units_is_refused() -> None:
    """Metres beside millionths of them: an error of 5 m would let anything pass of the second."""
    rng = seeded()
    model = np.stack([rng.normal(140, 20, SAMPLES), rng.normal(0, 1e-5, SAMPLES)], axis=1)
    with pytest.raises(ValueError, match=r"channel 1 spreads by \S*e-0[56] .* channel 0 by"):
        answer(Role(kind="regression", error=5.0), model, model)
    assert answer(Role(kind="regression", error=(5.0, 1e-6)), model, model).answer == "same"
    alike = model * [1.0, 3e5]
    assert answer(Role(kind="regression", error=5.0), alike, alike).answer == "same"
    alone = Role(kind="regression", error=1e-6, start=1, stop=2)
    assert answer(alone, model, model).answer == "same"


def test_errors_add_in_squares() -> None:
    """RMS grows from e to e + t where independent noise of N spreads squared is added."""
    error, growth = 0.2, 0.01
    limit = noise_limit(error)
    assert np.sqrt(error**2 + limit.differs) == pytest.approx(error + growth)
    assert limit.same == pytest.approx(0.6 * limit.differs)


def test_a_model_of_one_constant_proves_nothing() -> None:
    model = np.full((SAMPLES, 2), 0.25)
    assert answer(Role(), model, model).answer == "cannot tell"


def test_a_constant_beside_others_is_judged_by_its_own_size_and_zeros_by_the_others() -> None:
    model = np.stack([seeded().normal(size=SAMPLES), np.full(SAMPLES, 5.0), np.zeros(SAMPLES)], 1)
    for column, wrong in ((1, 4.0), (2, 1.0)):
        variant = model.copy()
        variant[:, column] = wrong
        assert answer(Role(), model, variant).answer == "differs"
    assert answer(Role(), model, model + 1e-4).answer == "same"


def test_float32_is_held_to_rounding_besides() -> None:
    model = seeded().normal(size=(SAMPLES, 4)).astype(np.float32)
    near = (model * np.float32(1 + 3e-7)).astype(np.float32)
    assert decide([rounding(model, near)], SAMPLES, 8).answer == "same"
    assert decide([rounding(model, model * np.float32(1.001))], SAMPLES, 8).answer == "differs"


def test_float32_that_varies_little_beside_its_size_is_not_refused_for_its_own_rounding() -> None:
    """140 m, give or take 10 mm, computed in float32 by two ways that are both right."""
    exactly = seeded().normal(140, 0.01, (SAMPLES, 1))
    model = exactly.astype(np.float32)
    variant = ((exactly.astype(np.float32) * np.float32(3)) / np.float32(3)).astype(np.float32)
    variant[::2] = np.nextafter(variant[::2], np.float32(200))
    assert decide([rounding(model, variant)], SAMPLES, 8).answer == "same"
    wrong = model + np.float32(0.001)
    assert decide([rounding(model, wrong)], SAMPLES, 8).answer == "differs"


def test_float32_is_held_to_rounding_on_the_axis_of_the_roles_or_else_on_each() -> None:
    """Scores beside boxes in pixels, with the rows last."""
    model = np.moveaxis(_detector(), 2, 1)
    variant = model.copy()
    variant[:, 4] += np.float32(1e-3) * (model[:, 4] > 0.5)
    assert decide([rounding(model, variant)], SAMPLES, 8).answer == "same"
    assert decide([rounding(model, variant, axis=1)], SAMPLES, 8).answer == "differs"


DEAD_SHAPES = [(6, 20), (20, 6), (6, 4), (4, 6, 20), (20, 4, 6)]


@pytest.mark.parametrize("shape", DEAD_SHAPES)
@pytest.mark.parametrize("kind", ["unknown", "regression", "signal", "state"])
def test_a_dead_row_of_any_axis_is_seen(shape: tuple[int, ...], kind: Kind) -> None:
    """Six rows of which four are in pixels and the last is dead, wherever they stand."""
    rows = shape.index(6)
    model = np.moveaxis(seeded().random((SAMPLES, *shape)), rows + 1, -1)
    model[..., :4] *= 500
    dead = model * 1.0
    dead[..., 5] = 0
    model, dead = (np.moveaxis(array, -1, rows + 1) for array in (model, dead))
    assert answer(Role(kind=kind), model, dead).answer != "same"
    assert answer(Role(kind=kind, axis=rows + 1), model, dead).answer == "differs"
    assert answer(Role(kind=kind), model, model * 1.001).answer == "same"
    exact = decide([rounding(model, dead)], SAMPLES, 8)
    assert exact.answer == "differs"
    right = model.astype(np.float32)
    assert decide([rounding(model, right)], SAMPLES, 8).answer == "same"


def test_a_regression_by_its_error_is_asked_for_other_axes_too() -> None:
    """Its error in pixels would let anything pass of a score, where the axis is not named."""
    model = seeded().random((SAMPLES, 6, 4)) * np.array([500.0] * 5 + [0.2])[:, None]
    dead = model * np.array([1.0] * 5 + [0.0])[:, None]
    role = Role(kind="regression", error=5.0)
    assert answer(role, model, model).answer == "same"
    assert answer(role, model, dead).columns[0].column == "5 on axis 1"


def test_a_rim_that_int8_keeps_in_part_is_the_same() -> None:
    """At 14 dB of itself, as of an autoencoder's pictures; by labels their error is known."""
    model = np.abs(seeded().normal(size=(SAMPLES, 12, 12, 1)))
    model[:, 0] *= 0.02
    rough = np.round(model * 80) / 80
    role = Role(kind="regression", error=(0.3,))
    assert answer(role, model, rough).answer == "same"
    rough[:, 0] = 0
    assert answer(role, model, rough).columns[0].column == "0 on axis 1"


@pytest.mark.parametrize(
    "kind",
    ["logits", "scores", "score-logits", "mask-logits", "heatmap", "embedding", "unknown"],
)
def test_large_outputs_are_judged_in_pieces(kind: Kind) -> None:
    """Both of them in float64 would be four times as large."""
    model = seeded().random((64, 8, 40, 400), dtype=np.float32)
    variant = model + np.float32(0.001)
    tracemalloc.start()
    try:
        requirements(Role(kind=kind, axis=1), model, variant)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < model.nbytes


@given(st.integers(0, 2**32 - 1), st.sampled_from(["unknown", "regression", "logits", "scores"]))
def test_the_order_of_samples_does_not_matter_and_a_model_says_what_it_says(
    seed: int, kind: Any
) -> None:
    rng = np.random.default_rng(seed)
    model = rng.random((64, 3))
    variant = model + rng.normal(0, 0.05, model.shape)
    order = rng.permutation(len(model))
    role = Role(kind=kind)
    first, again = answer(role, model, variant), answer(role, model[order], variant[order])
    assert first.answer == again.answer
    values = [[c.value for c in d.columns] for d in (first, again)]
    np.testing.assert_allclose(*values, rtol=1e-9, atol=1e-12)
    expected: set[Answer] = {"same", "cannot tell"} if kind in ("logits", "scores") else {"same"}
    assert answer(role, model, model).answer in expected
