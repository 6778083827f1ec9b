"""Numbers whose squares float64 does not hold are judged as all others, without a warning."""

import numpy as np
import pytest

from edgeml.parity import shipped
from edgeml.parity.noise import spread
from edgeml.parity.roles import Kind, Role
from edgeml_converters.outcome.shipped import telling_rows
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.pairing import distance
from edgeml_converters.parity.rule import Rule
from tests.converters.parity.judged import Array, answer, seeded

pytestmark = pytest.mark.filterwarnings("error")
SHAPES: dict[Kind, tuple[int, ...]] = {
    "logits": (5,), "mask-logits": (3, 8, 8), "heatmap": (3, 8, 8), "image": (3, 8, 8),
    "boxes": (5, 4), "regression": (5,), "signal": (6, 4), "embedding": (9,), "unknown": (5,),
}  # fmt: skip


def _model(kind: Kind) -> Array:
    model = seeded().normal(size=(100, *SHAPES[kind]))
    if kind == "boxes":
        model = np.abs(model)
        model[..., 2:] += model[..., :2] + 1
    return model / np.abs(model).max()


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("kind", SHAPES)
def test_a_role_says_of_large_numbers_what_it_says_of_small_ones(kind: Kind, exact: bool) -> None:
    model, rng = _model(kind), seeded()
    noisy = model * (1 + 1e-3 * rng.normal(size=model.shape))
    rule = Rule({"y": (Role(kind=kind),)}, exact=exact)
    far = np.where(np.arange(100).reshape([-1] + [1] * (model.ndim - 1)) % 2, model, 1e300)
    assert judge({"y": far}, {"y": model}, rule)[0].answer != "same"
    for variant in (model, noisy, 0 * model, model[::-1]):
        found = [
            judge({"y": variant * scale}, {"y": model * scale}, rule)[0].answer
            for scale in (1.0, 1e300, 1.7e308)
        ]
        assert len(set(found)) == 1, found


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_a_column_beside_others_in_units_far_away(scale: float) -> None:
    model = seeded().normal(size=(100, 3)) * [1.0, scale, 0.0]
    assert spread(model)[:2] == pytest.approx([1.0, scale], rel=0.3)
    for column in range(3):
        wrong = model.copy()
        wrong[:, column] = model[::-1, column] + (column == 2) * max(1.0, scale)
        assert answer(Role(), model, wrong).answer == "differs"
        assert answer(Role(), model, model * 1.001).answer == "same"


@pytest.mark.parametrize("scale", [1e-300, 1e300, 1.7e308])
def test_a_device_and_the_pairing_of_outputs_know_them_too(scale: float) -> None:
    model = _model("signal") * scale
    dead = model * [1, 1, 0, 1]
    spreads = shipped.spreads((), model)
    rows = telling_rows({"y": model}, {"y": ()}, {"y": spreads}, 4)
    noise = shipped.expected_noise((), spreads, model, model, rows)
    assert shipped.refused((), spreads, noise, model[rows], model[rows]) is None
    assert shipped.refused((), spreads, noise, model[rows], dead[rows]) is not None
    assert distance(model, model) == 0.0
    assert distance(model[::-1], model) > 0.5
