"""What a file in float32 may have of rounding where a position or a channel is quiet."""

import numpy as np
import pytest

from edgeml.parity.requirements import rounding
from edgeml.parity.roles import Kind
from edgeml_converters.parity.deciding import Answer, decide
from tests.converters.parity.judged import SAMPLES, Array, seeded


@pytest.mark.parametrize("quiet", [1e-2, 1e-4, 1e-6])
def test_a_quiet_position_has_the_rounding_of_the_loud_ones(quiet: float) -> None:
    """What float32 leaves of the rim of a map that comes of sums of loud numbers."""
    rng = seeded()
    model = rng.normal(size=(SAMPLES, 3, 12, 12))
    model[:, :, 0] *= quiet
    variant = model + 2.0**-24 * rng.normal(size=model.shape)
    assert decide([rounding(model, variant)], SAMPLES, 8).answer == "same"
    variant[:, :, 0] = 0
    assert decide([rounding(model, variant)], SAMPLES, 8).answer == "differs"


@pytest.mark.parametrize("kind", ["embedding", "logits", "scores"])
def test_a_quiet_channel_of_one_unit_has_the_rounding_of_the_loud_ones(kind: Kind) -> None:
    """As of a voice whose third number is above zero in one of 320 samples, by a thousandth."""
    rng = seeded()
    model = 0.05 * rng.random((SAMPLES, 8))
    model[:, 2] = 0.0
    model[7, 2] = 5e-4
    variant = model + 2.0**-27 * rng.normal(size=model.shape)
    variant[:, 2] = np.where(model[:, 2] > 0, model[:, 2] + 1.5e-7, 0.0)
    assert decide([rounding(model, variant, kind=kind)], SAMPLES, 8).answer == "same"
    assert decide([rounding(model, variant)], SAMPLES, 8).answer == "differs"  # of any unit
    variant[7, 2] += 5e-6  # a hundredth of it
    assert decide([rounding(model, variant, kind=kind)], SAMPLES, 8).answer == "differs"
    dead = np.where(np.arange(8) == 2, 0.0, model)
    assert decide([rounding(model, dead, kind=kind)], SAMPLES, 8).answer == "differs"


def test_a_row_of_a_mask_that_is_off_everywhere_cannot_be_dead() -> None:
    """A sigmoid gives 0 there, and an optimised one 3e-8 in one pixel."""
    rng = seeded()
    model = (rng.random((SAMPLES, 1, 12, 12)) > 0.5).astype(np.float32)
    model[:, :, 11] = 0.0
    model[3, 0, 10] = 1e-9 * rng.random(12)
    model[:, :, 10, 1:] = 0.0

    def said(variant: Array) -> Answer:
        of_rows = [rounding(model, variant, kind="mask")]
        return decide(of_rows, SAMPLES, 8, seen_is_enough=True).answer

    variant = model.copy()
    variant[5, 0, 11, 4] = 2.98e-8
    assert said(variant) == "same"
    variant[5, 0, 11, 4] = 0.01
    assert said(variant) == "differs"
    model[3, 0, 11] = 1e-3  # which is more than rounding, and is lost
    variant = np.where(np.arange(12)[:, None] == 11, 0.0, model)
    assert said(variant) == "differs"
