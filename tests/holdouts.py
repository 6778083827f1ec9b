"""Holdouts as a conversion makes them, of arrays by hand."""

from collections.abc import Mapping

import numpy as np

from edgeml.holdout import Arrays, Holdout, Proven
from edgeml.parity.roles import Role
from edgeml.parity.shipped import expected_noise, spreads


def shipped_holdout(
    inputs: Arrays,
    expected: Arrays,
    proven: Mapping[Proven, Arrays],
    *,
    samples: int | None = None,
    roles: tuple[Role, ...] = (),
) -> Holdout:
    """The first `samples` of the proof, else all; proven: what each engine gave on all of it."""
    rows = np.arange(len(next(iter(inputs.values()))))[:samples]
    spread = {name: spreads(roles, array) for name, array in expected.items()}
    return Holdout(
        inputs={name: array[rows] for name, array in inputs.items()},
        expected={name: array[rows] for name, array in expected.items()},
        spreads=spread,
        noise={
            key: {
                name: expected_noise(roles, spread[name], array, answers[name], rows)
                for name, array in expected.items()
            }
            for key, answers in proven.items()
        },
    )
