"""Outputs as channels, with a role for each; and what cannot be compared at all."""

import numpy as np
import pytest

from edgeml.parity.requirements import arranged, fault, whole
from edgeml.parity.roles import Role, channel_axis


def test_what_cannot_be_compared_is_said() -> None:
    model = np.array([[1.0, -np.inf]])
    assert fault(model, model.copy()) is None
    assert fault(model, np.array([[np.nan, -np.inf]])) == (
        "NaN or infinity where the model gives numbers"
    )
    assert (
        fault(model, np.array([[1.0, 2.0]])) == "other values where the model gives NaN or infinity"
    )
    assert fault(model, np.ones((1, 3))) == "shape [1, 3] where the model gives [1, 2]"


def test_channels_between_roles_are_unknown() -> None:
    roles = whole(
        [Role(kind="boxes", axis=2, stop=4), Role(kind="scores", axis=2, start=5)], (1, 9, 85)
    )
    assert [(r.kind, r.start, r.stop) for r in roles] == [
        ("boxes", 0, 4), ("unknown", 4, 5), ("scores", 5, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("shape", "axis"), [((8,), None), ((8, 3), 1), ((8, 50, 3), 2), ((8, 3, 50, 60), 1)]
)
def test_channels_are_the_last_of_two_axes_and_of_more_the_shortest(
    shape: tuple[int, ...], axis: int | None
) -> None:
    assert channel_axis(Role(), shape) == axis
    assert arranged(Role(), np.zeros(shape)).shape[0] == 8
