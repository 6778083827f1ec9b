"""What would decide, where these samples do not: nothing that was said already, or nobody has."""

import numpy as np
import pytest

from edgeml.parity.roles import Role
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rule import Rule

SAMPLES = 400


def _reason(noise_db: float, role: Role) -> str:
    """Of one column whose noise is that."""
    rng = np.random.default_rng(0)
    model = rng.normal(size=(SAMPLES, 1))
    off = rng.normal(size=(SAMPLES, 1))
    spread = np.sqrt(((model - model.mean()) ** 2).mean())
    variant = model + off * spread * 10 ** (-noise_db / 20) / np.sqrt((off**2).mean())
    (found,) = judge({"y": variant}, {"y": model}, Rule({"y": (role,)}, exact=False))
    assert found.answer == "cannot tell"
    return found.reason


@pytest.mark.parametrize(
    ("noise_db", "error", "advice"),
    [
        (30.0, None, "say how large the model's own error is"),
        (38.001, None, "say how large the model's own error is"),  # 4 million samples would tell
        (38.2, None, "samples would tell"),
        (30.0, 0.05, "too near the limit to tell"),  # 30.9 dB is the same, and 28.7 differs
        (30.917, 0.05, "too near the limit to tell"),
    ],
)
def test_an_error_is_asked_for_once_and_a_number_of_samples_that_somebody_may_have(
    noise_db: float, error: float | None, advice: str
) -> None:
    assert advice in _reason(noise_db, Role(kind="regression", error=error))
