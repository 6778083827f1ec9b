"""Arrays judged by a role, as the tests of the rule ask."""

from typing import Any

import numpy as np
import numpy.typing as npt

from edgeml.parity.requirements import requirements
from edgeml.parity.roles import Role
from edgeml_converters.parity.deciding import Decision, decide

SAMPLES = 200
Array = npt.NDArray[Any]


def answer(role: Role, model: Array, variant: Array, **options: Any) -> Decision:
    return decide(requirements(role, model, variant, **options), len(model), least=64)


def seeded() -> np.random.Generator:
    return np.random.default_rng(7)
