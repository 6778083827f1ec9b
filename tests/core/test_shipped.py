"""What a device judges by: each channel beside the noise that the proven engine gave there."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgeml.parity.roles import Role
from edgeml.parity.shipped import (
    NOISE_LEAST_FP16,
    Noise,
    expected_noise,
    limits,
    misfit,
    refused,
    spreads,
)

Array = npt.NDArray[np.generic]
ROWS = 400
STEP = 1 / 64  # of int8, in spreads
DETECTOR = (Role(kind="boxes", axis=2, stop=4), Role(kind="scores", axis=2, start=4))


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def numbers(*shape: int) -> npt.NDArray[np.float32]:
    return rng().normal(size=(ROWS, *shape)).astype(np.float32)


def stepped(answers: Array, phase: float = 0.0) -> npt.NDArray[np.float32]:
    """As int8 gives them; another phase rounds otherwise where a value lies between two steps."""
    rounded: npt.NDArray[np.float32] = (
        np.round(answers.astype(np.float64) / STEP + phase) * STEP
    ).astype(np.float32)
    return rounded


def detections() -> npt.NDArray[np.float32]:
    """[samples, anchors, 4 edges in pixels and a score]."""
    score = rng().beta(0.3, 3, (ROWS, 12, 1))
    return np.concatenate([rng().uniform(0, 640, (ROWS, 12, 4)), score], axis=2).astype(np.float32)


def judged(
    model: Array,
    found: Array,
    proven: Array | None = None,
    samples: int = 16,
    roles: tuple[Role, ...] = (),
    least: float = 1e-9,
) -> str | None:
    """proven: what the engine gave where the model was proven; else what the model gives."""
    spread = spreads(roles, model)
    there = model if proven is None else proven
    noise = expected_noise(roles, spread, model, there, np.arange(samples), least)
    if samples == 1:
        noise = noise[[0, 0]]
    return refused(roles, spread, noise, model[:samples], found[:samples])


@pytest.mark.parametrize("roles", [(), DETECTOR])
@pytest.mark.parametrize("samples", [1, 16])
def test_a_detector_whose_scores_are_dead(samples: int, roles: tuple[Role, ...]) -> None:
    model = detections()
    dead = model.copy()
    dead[..., 4] = 0
    assert judged(model, model, samples=samples, roles=roles) is None
    found = judged(model, dead, samples=samples, roles=roles)
    assert found is not None and "channel 4 at" in found and "is the least" in found


@given(st.integers(0, 5), st.integers(0, 5), st.sampled_from([4, 16]))
def test_swapped_columns_are_found_and_others_are_not(a: int, b: int, samples: int) -> None:
    model = numbers(6)
    proven = stepped(model)
    swapped = proven.copy()
    swapped[:, [a, b]] = proven[:, [b, a]]
    assert (judged(model, swapped, proven, samples) is None) == (a == b)


@pytest.mark.parametrize("value", [0.0, 0.3])
def test_a_dead_column_beside_one_in_another_unit(value: float) -> None:
    model = numbers(2) * np.array([1e-5, 140.0], np.float32)
    proven = model + np.array([1e-8, 0.1], np.float32) * numbers(2)
    dead = proven.copy()
    dead[:, 0] = value * 1e-5
    assert judged(model, proven, proven) is None
    assert "channel 0" in str(judged(model, dead, proven))


@pytest.mark.parametrize("samples", [1, 4, 16, 64])
@pytest.mark.parametrize("phase", [0.02, 0.1, -0.1])
def test_another_processor_rounds_otherwise(samples: int, phase: float) -> None:
    model = numbers(10)
    assert judged(model, stepped(model, phase), stepped(model), samples) is None
    single = model * (1 + 3e-7 * numbers(10))
    assert judged(model, single.astype(np.float32), model, samples) is None


def test_one_step_more_in_a_sample_that_was_met_exactly() -> None:
    model = stepped(numbers(10))
    model[ROWS // 2 :] += np.float32(STEP / 2)
    proven = stepped(model)
    other = proven.copy()
    other[0, 3] += STEP
    assert np.array_equal(proven[0], model[0])
    assert judged(model, other, proven, samples=1) is None


def test_sums_in_half_precision_are_expected_of_a_half_file() -> None:
    model = numbers(10)
    half = model.astype(np.float16).astype(np.float32)
    sums = (model + 2e-3 * numbers(10)).astype(np.float32)
    assert judged(model, sums, half) is not None
    assert judged(model, sums, half, least=NOISE_LEAST_FP16) is None


def test_a_dead_channel_is_found_in_a_rough_variant() -> None:
    model = numbers(3)
    rough = (model + 0.4 * numbers(4)[:, :3]).astype(np.float32)
    dead = rough.copy()
    dead[:, 1] = 0
    assert judged(model, rough, rough, samples=64) is None
    assert "channel 1" in str(judged(model, dead, rough, samples=64))


def test_a_reading_far_from_zero_may_be_rounded() -> None:
    model = (1000 + 0.01 * numbers(1)).astype(np.float32)
    rounded = np.nextafter(model, np.float32(np.inf))
    assert judged(model, rounded) is None
    assert judged(model, np.full_like(model, model.mean())) is not None


def test_numbers_stay_numbers_and_infinities_may_be_the_models() -> None:
    model = numbers(3)
    broken = model.copy()
    broken[2, 1] = np.nan
    assert judged(model, broken) == "comes as NaN or infinity where the model gives numbers"
    masked = model.copy()
    masked[:, 1] = -np.inf
    assert judged(masked, masked) is None
    assert "other values where" in str(judged(masked, model))


def test_another_shape_or_a_spread_of_other_channels() -> None:
    model = numbers(3)
    assert "shape [16, 2]" in str(judged(model, model[:, :2]))
    spread = np.ones(1)
    noise = np.ones((2, 1), np.float16)
    sentence = "has 3 channels, but a spread of 1"
    assert refused((), spread, noise, model, model) == misfit((), spread, model) == sentence
    assert "roles that it cannot have" in str(misfit((Role(axis=7),), spread, model))


def test_integers_are_judged_by_the_share_of_unequal_ones() -> None:
    classes = rng().integers(0, 10, ROWS)
    one, dead = classes.copy(), np.zeros_like(classes)
    one[0] += 1
    assert judged(classes, one) is None
    assert judged(classes, dead) is not None
    assert judged(classes, one, samples=1) is None, "one integer tells nothing"
    pixels = rng().integers(0, 3, (ROWS, 16, 16))
    assert "may differ" in str(judged(pixels, np.zeros_like(pixels), samples=1))
    assert "of its values where" in str(judged(pixels, pixels + 1))
    noisy = np.where(rng().random(ROWS) < 0.4, classes + 1, classes)
    assert judged(classes, noisy, noisy) is None
    assert judged(classes, classes + 1, noisy) is not None


def test_a_dead_column_of_booleans_and_a_class_that_never_comes_up() -> None:
    """Of fifty columns one, and of a map 2 % of its places: each within what all may differ by."""
    marks = rng().random((ROWS, 50)) < 0.3
    one = marks.copy()
    one[0, 9] ^= True
    assert judged(marks, one) is None
    dead = marks & (np.arange(50) != 9)
    assert "differs in channel 9 by" in str(judged(marks, dead))
    assert "differs in channel 9" in str(judged(marks, dead, np.where(one, marks, one)))
    classes = rng().integers(0, 3, (ROWS, 10, 14))
    classes[:, 3, 3:6] = 5
    assert "differs in value 5 by" in str(judged(classes, np.where(classes == 5, 0, classes)))
    row = classes.copy()
    row[:, :, 12] = 1
    assert judged(classes, row) is not None
    assert judged(classes, classes) is None


@given(st.integers(0, 5), st.sampled_from([1, 4, 16]), st.sampled_from([(6, 20), (20, 6), (6, 4)]))
def test_of_an_axis_that_nobody_named_dead_slices_are_found(
    dead: int, samples: int, shape: tuple[int, int]
) -> None:
    """Six rows, or columns, of which five are in pixels: the shortest axis is that of others."""
    units = np.array([640.0] * 5 + [1.0], np.float32)
    rows = shape.index(6)
    shares = rng().random((ROWS, shape[1 - rows], 6))
    model, proven = (
        np.moveaxis((of * units).astype(np.float32), 2, rows + 1)
        for of in (shares, stepped(shares))
    )
    broken = np.moveaxis(proven.copy(), rows + 1, 2)
    broken[..., dead] = 0
    found = judged(model, np.moveaxis(broken, 2, rows + 1), proven, samples)
    assert found is not None and (f"channel {dead} " in found or "on axis" in found)
    assert judged(model, proven, proven, samples) is None


@pytest.mark.parametrize("samples", [1, 16])
def test_a_rim_that_int8_loses_is_expected(samples: int) -> None:
    model = np.abs(numbers(3, 12, 12))
    model[:, :, 0] *= np.float32(1e-3)
    assert judged(model, stepped(model, 0.1), stepped(model), samples) is None


@given(hnp.arrays(np.int64, (9, 3, 4), elements=st.integers(-3, 300)), st.sampled_from([1, 2, 9]))
def test_integers_that_were_proven_are_never_refused(
    model: npt.NDArray[np.int64], samples: int
) -> None:
    for proven in (model, model + 1, np.zeros_like(model)):
        assert judged(model, proven, proven, samples) is None
    assert judged(model[:, 0, 0], model[:, 0, 0], samples=samples) is None


def test_one_row_of_proof_has_a_magnitude_for_its_spread() -> None:
    model = np.array([[1e-6, 3.0, -4.0]], np.float32)
    spread = spreads((), model)
    assert spread == pytest.approx(np.full(3, 5 / np.sqrt(3)))
    near = model + np.float32(1e-6)
    noise = expected_noise((), spread, model, model, np.arange(1))
    assert refused((), spread, noise, model, near) is None


@pytest.mark.parametrize(
    ("model", "spread"),
    [
        (np.zeros((4, 2)), [1.0, 1.0]),
        (np.full((4, 2), 3.0), [3.0, 3.0]),
        (np.tile([0.0, 3.0], (4, 1)), [3.0, 3.0]),
        (np.array([[0.0, 5, -2], [0, 5, 2]]), [2.0, 5.0, 2.0]),
        (np.array([1.0, 3.0]), [1.0]),
        (np.arange(4), [1.0, 0.5, 0.5, 0.5, 0.5]),  # all together, and each value
        (np.eye(4, dtype=np.bool_)[:, :1], [1.0, 0.5, 0.75**0.5, 0.5]),
    ],
)
def test_the_spread_of_what_is_constant(model: Array, spread: list[float]) -> None:
    assert spreads((), model).tolist() == spread


finite = st.floats(-1e6, 1e6, width=32)
shapes = hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)


@given(hnp.arrays(np.float32, shapes, elements=finite), st.integers(1, 4))
def test_what_was_proven_is_never_refused(model: npt.NDArray[np.float32], samples: int) -> None:
    spread = spreads((), model)
    assert np.isfinite(spread).all() and (spread > 0).all()
    proven = model * np.float32(1.01)
    noise = expected_noise((), spread, model, proven, np.arange(len(model))[:samples])
    assert np.isfinite(noise).all() and noise.shape == (2, len(spread))
    assert refused((), spread, noise, model[:samples], proven[:samples]) is None
    assert refused((), spread, noise[[0, 0]], model[:1], proven[:1]) is None


@given(hnp.arrays(np.float16, (2, 3), elements=st.floats(0, 100, width=16)), st.integers(1, 64))
def test_more_noise_allows_more(noise: Noise, values: int) -> None:
    more = (noise + np.float16(1)).astype(np.float16)
    assert (limits(more) > limits(noise)).all()
    assert (limits(more, values) > limits(noise, values)).all()
    assert (limits(noise, values) > limits(noise, values + 1)).all()
