"""The model's own error, as labels tell it: in the output's unit, whatever the labels are in, and
never larger for labels that are wrong, missing or another's."""

import numpy as np
import numpy.typing as npt
import pytest

from edgeml.parity.limits import LIMITS
from edgeml.parity.requirements import requirements
from edgeml_converters.roles.labels import told_by_labels

Array = npt.NDArray[np.float64]
N = 64
RNG = np.random.default_rng(0)
NOISE = 0.02


def _error(values: Array, targets: npt.NDArray[np.generic]) -> float | None:
    role = told_by_labels({"y": values}, targets)["y"].role
    assert role is not None and role.kind == "regression"
    if role.error is None:
        return None
    assert isinstance(role.error, tuple)
    (error,) = role.error
    return error


def test_a_channel_whose_targets_are_anothers_tells_no_error() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(N, 3))
    targets = values + 0.1 * rng.normal(size=(N, 3))
    targets[:, 1] = 0.1 * rng.normal(size=N)
    role = told_by_labels({"y": values}, targets)["y"].role
    assert role is not None
    assert isinstance(role.error, tuple)
    assert role.error[1] is None
    assert role.error[::2] == pytest.approx((0.08, 0.08), rel=0.3)
    limit = requirements(role, values, values)[0][0].limit
    assert isinstance(limit, tuple)
    assert limit[1] == LIMITS["noise"] != limit[0]


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


def _wrong(y: Array, share: float, by: float) -> Array:
    return np.where(np.arange(len(y))[:, None] < share * len(y), by, y)


TRUE = RNG.normal(size=(1000, 1))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "labels",
    [
        _wrong(TRUE, 0.05, -999), _wrong(TRUE, 0.001, 5e4), _wrong(TRUE, 0.05, 1e300),
        _wrong(TRUE, 0.8, 0), np.exp(2 * TRUE), TRUE**3, np.clip(TRUE, -0.5, 0.5), 1e-200 * TRUE,
        1e250 * TRUE, 10 * TRUE - 3,
    ],
    ids=[
        "one in 20 is -999", "a slip of the pen", "one in 20 is huge", "0 where nothing is known",
        "prices of their logarithm", "volumes of lengths", "clipped", "tiny", "huge",
        "another unit",
    ],
)  # fmt: skip
def test_wrong_labels_and_bent_units_make_no_error_larger(labels: Array) -> None:
    """By a straight line through all of them they made it as large as the answers vary, and a
    damage of 21 dB the same."""
    answers = TRUE + NOISE * RNG.normal(size=TRUE.shape)
    assert _error(answers, labels) == pytest.approx(0.8 * NOISE, rel=0.25)


@pytest.mark.filterwarnings("error")
def test_angles_that_wrap() -> None:
    y = 180 * RNG.random((1000, 1))
    answers = y + 2 * RNG.normal(size=y.shape)
    assert _error(answers, (y + 10) % 180) == pytest.approx(1.6, rel=0.2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("not_finite", [np.nan, np.inf])
def test_answers_that_are_no_numbers_are_left_out(not_finite: float) -> None:
    y = RNG.normal(size=(1000, 1))
    answers = y + NOISE * RNG.normal(size=y.shape)
    answers[::7] = not_finite
    assert _error(answers, y) == pytest.approx(0.8 * NOISE, rel=0.2)


def test_swapped_columns_tell_no_error() -> None:
    y = RNG.normal(size=(1000, 2)) @ [[1.0, 0.3], [0.0, 1.0]]
    answers = y + NOISE * RNG.normal(size=y.shape)
    role = told_by_labels({"y": answers}, y[:, ::-1])["y"].role
    assert role is None or role.error is None


def test_targets_are_of_one_output_alone_and_of_it_in_another_unit() -> None:
    """One that merely knows something of them got an error of nearly all of its spread."""
    a = RNG.normal(size=(1000, 1))
    targets = a + 0.01 * RNG.normal(size=a.shape)
    b = 0.3 * a + RNG.normal(size=a.shape)
    told = told_by_labels({"a": a, "b": b, "in percent": 100 * a + 5}, targets)
    assert [name for name, of in told.items() if of.role is not None] == ["a", "in percent"]


def test_hundreds_of_channels_are_asked_each() -> None:
    answers = RNG.normal(size=(400, 300))
    targets = answers + 0.1 * RNG.normal(size=answers.shape)
    targets[:, 7] = RNG.normal(size=400)
    role = told_by_labels({"y": answers}, targets)["y"].role
    assert role is not None and isinstance(role.error, tuple)
    assert [channel for channel, error in enumerate(role.error) if error is None] == [7]
