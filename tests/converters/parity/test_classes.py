"""One class out of many, and models that are not finite everywhere."""

import numpy as np
import pytest

from edgeml.parity.requirements import requirements
from edgeml.parity.roles import Kind, Role
from tests.converters.parity.judged import SAMPLES, Array, answer, seeded

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


def _classifier(classes: int = 10, samples: int = 400) -> Array:
    """Logits of a net that knows its classes."""
    rng = seeded()
    logits = rng.normal(size=(samples, classes))
    logits[np.arange(samples), rng.integers(classes, size=samples)] += 5
    return logits.astype(np.float32)


def test_a_flip_between_two_classes_that_are_equal_costs_nothing() -> None:
    model = np.zeros((SAMPLES, 2), np.float32)
    model[:, 0] = np.where(np.arange(SAMPLES) % 10, 6.0, 1e-7)  # every tenth is a coin
    model[:100] = model[:100, ::-1]
    variant = model.copy()
    variant[::50] = variant[::50, ::-1]  # 4 of 200 coins fall on the other side
    decision = answer(Role(kind="logits"), model, variant)
    lost = next(column for column in decision.columns if column.name == "margin lost")
    assert lost.value < 1e-6 and lost.answer == "same"


def test_a_classifier_at_a_tenth_of_a_logit_is_the_same_and_one_without_a_class_is_not() -> None:
    model = _classifier()
    quiet = model + seeded().normal(0, 0.02, model.shape)
    assert answer(Role(kind="logits"), model, quiet).answer == "same"
    deaf = model.copy()
    deaf[:, 4] = -10
    assert answer(Role(kind="logits"), model, deaf).answer == "differs"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("places", [(), (12,)])
def test_of_many_classes_those_that_come_up_hold_each(dtype: type, places: tuple[int, ...]) -> None:
    """Of 300 a reader uses a few in enough samples; one of them is never chosen any more."""
    rng = seeded()
    model = rng.normal(0, 1, (400, *places, 300))
    own = rng.integers(5, size=model.shape[:-1])
    np.put_along_axis(model, own[..., None], 9.0, axis=-1)
    model = model.astype(dtype)
    quiet = model + rng.normal(0, 0.05, model.shape).astype(dtype)
    decision = answer(Role(kind="logits"), model, quiet)
    assert decision.answer == "same"
    deaf = model.copy()
    deaf[..., 3] = -9
    decision = answer(Role(kind="logits"), model, deaf)
    assert decision.answer == "differs"
    wrong = {column.column for column in decision.columns if column.answer == "differs"}
    assert "class 3" in wrong


def test_a_softmax_over_a_thousand_classes_that_is_mostly_noise_differs() -> None:
    """Its cosine is 1.0000 where one class holds nearly all, and the others are lost."""
    rng = seeded()
    logits = rng.normal(0, 2, (SAMPLES, 1000))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    in_int8 = np.round(p * 256) / 256
    assert answer(Role(kind="probabilities"), p, in_int8).answer != "same"


def test_classes_that_are_equal_to_the_fifth_share_the_places_that_are_left() -> None:
    """In int8 all but three of 100 are one value, and the model's fourth and fifth among them."""
    model = np.tile(np.arange(100, 0, -1) / 5050, (SAMPLES, 1))
    variant = model.copy()
    variant[:, 3:] = 0.0
    lost = (97 + 96 - 2 * model[0, 3:].mean() * 5050) / 5050
    for order in (np.arange(100), np.arange(100)[::-1]):  # which comes first tells nothing
        decision = answer(Role(kind="probabilities"), model[:, order], variant[:, order])
        five = next(c for c in decision.columns if c.name == "probability of the top 5 lost")
        assert five.value == pytest.approx(lost)
    five = answer(Role(kind="probabilities"), variant, variant).columns
    assert all(c.value == pytest.approx(0) for c in five if "top 5" in c.name)


def test_the_noise_of_a_class_is_that_of_its_logits_whichever_are_given() -> None:
    """Of probabilities one that is seldom likely seems quiet, although 0.002 becomes 0.001."""
    logits = _classifier(5) / 2
    logits[:, 3] -= 1
    wrong = logits.copy()
    wrong[:, 3] -= np.log(2) * (np.arange(len(logits)) % 2)
    found = []
    for kind in ("logits", "probabilities"):
        of = [a if kind == "logits" else _softmax(a) for a in (logits, wrong)]
        (noise,) = (
            figure
            for figures in requirements(Role(kind=kind), *of)
            for figure in figures
            if figure.name == "noise of a class"
        )
        found.append(noise.values[3])
    assert found[1] == pytest.approx(found[0], rel=0.01) and found[0] > 0.1


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits.astype(np.float64))
    return powers / powers.sum(axis=1, keepdims=True)


def test_classes_may_be_on_any_axis() -> None:
    model = _classifier(7, 300)[:, :, None] + np.zeros(4, np.float32)
    variant = model.copy()
    variant[..., 2:] = np.roll(variant[..., 2:], 1, axis=1)
    assert answer(Role(kind="logits", axis=1), model, variant).answer == "differs"
    assert answer(Role(kind="logits", axis=1), model, model + 3).answer == "same"


def test_a_class_that_never_comes_up_cannot_be_told_of_by_its_choices() -> None:
    model = _classifier(5)
    model[:, 3] -= 20
    variant = model.copy()
    variant[:, 3] += seeded().normal(0, 1, len(model))
    decision = answer(Role(kind="logits"), model, variant)
    assert decision.answer == "cannot tell"
    assert decision.columns[0].column == "class 3"


@pytest.mark.parametrize(("kind", "shape"), _KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_model_that_is_not_finite_everywhere_does_not_differ_from_itself(
    kind: Kind, shape: tuple[int, ...], value: float
) -> None:
    """Single values, a whole column, a whole sample."""
    model = seeded().random((SAMPLES, *shape))
    model.flat[::7] = value
    model[..., 1] = value
    model[3] = value
    role = Role(kind=kind, axis=2 if kind == "boxes" else 1)
    decision = answer(role, model, model.copy())
    assert decision.answer != "differs"


def test_a_map_without_any_number_does_not_lose_what_nobody_knows() -> None:
    model = np.full((SAMPLES, 3, 4, 4), np.nan)
    variant = model.copy()
    variant[:, 1] = 5.0
    assert answer(Role(kind="logits", axis=1), model, variant).answer == "differs"
    assert answer(Role(kind="logits", axis=1), model, model).answer != "differs"


def test_logits_with_classes_that_are_masked_out_are_the_same_as_themselves() -> None:
    model = _classifier(4)
    model[::3, 2] = -np.inf
    assert answer(Role(kind="logits"), model, model).answer == "same"


def test_logits_too_close_for_their_softmax_to_tell_do_not_differ_from_themselves() -> None:
    model = seeded().normal(0, 1e-30, (SAMPLES, 5))
    assert answer(Role(kind="logits"), model, model).answer != "differs"
