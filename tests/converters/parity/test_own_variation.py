"""A model that is not near to itself from one batch to another: no file of it can be nearer."""

import numpy as np
import pytest

from edgeml.parity.answers import Answer
from edgeml.parity.roles import Role
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rule import Rule
from tests.converters.parity.judged import SAMPLES, Array, seeded


def _off(model: Array, decibels: float, seed: int) -> Array:
    noise = np.random.default_rng(seed).normal(0, 10 ** (-decibels / 20), model.shape)
    return (model + noise * model.std(axis=0)).astype(np.float32)


@pytest.mark.parametrize(
    ("own", "file", "expected"),
    [
        (None, 70, "differs"),
        (120, 70, "differs"),
        (80, 70, "same"),
        (80, 50, "differs"),
        (60, 50, "same"),
        (60, 35, "differs"),  # however much it varies by itself
    ],
)
def test_rounding_is_widened_by_what_the_model_varies_by_itself(
    own: float | None, file: float, expected: Answer
) -> None:
    model = seeded().normal(size=(SAMPLES, 3)).astype(np.float32)
    again = {} if own is None else {"y": (model[:8], _off(model, own, 3)[:8])}
    rule = Rule({"y": (Role(),)}, exact=True, asked_again=again)
    (found,) = judge({"y": _off(model, file, 4)}, {"y": model}, rule)
    assert found.answer == expected


def test_only_the_channel_that_varies_has_more_room() -> None:
    model = seeded().normal(size=(SAMPLES, 2)).astype(np.float32)
    again = model[:8].copy()
    again[:, 0] = _off(model, 70, 3)[:8, 0]
    rule = Rule(exact=True, asked_again={"y": (model[:8], again)})
    for channel, expected in ((0, "same"), (1, "differs")):
        variant = model.copy()
        variant[:, channel] = _off(model, 60, 4)[:, channel]
        (found,) = judge({"y": variant}, {"y": model}, rule)
        assert found.answer == expected
    assert rule.varies_by("y") == pytest.approx(np.abs(again - model[:8]).max())
    assert rule.varies_by("other") == 0.0


def test_of_a_single_axis_and_of_three_too() -> None:
    for shape in ((), (4, 6)):
        model = seeded().normal(size=(SAMPLES, *shape)).astype(np.float32)
        again = {"y": (model[:8], _off(model, 80, 3)[:8])}
        rule = Rule(exact=True, asked_again=again)
        (found,) = judge({"y": _off(model, 70, 4)}, {"y": model}, rule)
        assert found.answer == "same"
