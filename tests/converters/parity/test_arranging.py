"""Outputs as channels, with a role for each; and what cannot be compared at all."""

import numpy as np
import pytest

from edgeml.parity.requirements import arranged, fault, requirements, whole
from edgeml.parity.roles import KINDS, Kind, Role, channel_axis


def test_what_cannot_be_compared_is_said() -> None:
    model = np.array([[1.0, -np.inf]])
    assert fault(model, model.copy()) is None
    assert fault(model, np.array([[np.nan, -np.inf]])) == (
        "NaN or infinity where the model gives numbers"
    )
    assert (
        fault(model, np.array([[1.0, 2.0]])) == "other values where the model gives NaN or infinity"
    )
    whole_numbers = np.array([[1, 2]])
    assert fault(model, whole_numbers) == "other values where the model gives NaN or infinity"
    assert fault(whole_numbers, whole_numbers) is None
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


@pytest.mark.parametrize("shape", [(0,), (0, 3), (8, 0), (8, 0, 4), (8, 3, 0, 2)])
@pytest.mark.parametrize("kind", KINDS)
def test_an_output_without_values_has_no_role(kind: Kind, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="holds no values"):
        requirements(Role(kind=kind), np.zeros(shape), np.zeros(shape))


@pytest.mark.parametrize(
    "role", [Role(axis=2), Role(axis=-2), Role(start=3), Role(start=1, stop=4)]
)
def test_channels_that_there_are_not_have_no_role(role: Role) -> None:
    with pytest.raises(ValueError, match="axis"):
        requirements(role, np.ones((8, 3)), np.ones((8, 3)))
