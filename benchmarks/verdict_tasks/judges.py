"""Who judges a variant by answers alone: the rule by roles, the one before it, Polygraphy's."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edgeml.parity.answers import Answer, OutputParity, worst
from edgeml.parity.roles import Role
from edgeml_converters.parity.judging import judge
from edgeml_converters.parity.rule import Rule
from verdict_tasks.before import passes
from verdict_tasks.task import Answers, Says

SLOW = ("Polygraphy",)
"""Asked by one draw of each number of samples: it formats each array for a log."""
Judge = Callable[[Answers, Answers], Answer]
"""From the answers of model and variant."""
_POLYGRAPHY = 0.1  # atol and rtol: its default of 1e-5 is for float32 alone


def by_roles(says: Says, model: Answers, variant: Answers) -> tuple[OutputParity, ...]:
    """The product's own judge, as `edgeml convert` asks it of a lower precision."""
    roles: dict[str, tuple[Role, ...]] = {}
    for name, role in says:
        roles[name] = (*roles.get(name, ()), role)
    return judge(variant, model, Rule(roles))


def judges_for(says: Says, outputs: tuple[str, ...]) -> dict[str, Judge]:
    """By name. The third is there only where a role has an error that could be unknown."""
    unsaid = tuple((name, role.__class__(**_without_error(role))) for name, role in says)
    nothing = tuple((name, Role()) for name in outputs)
    found: dict[str, Judge] = {
        "roles": lambda model, variant: _answer(says, model, variant),
        "unknown": lambda model, variant: _answer(nothing, model, variant),
        "before": _before,
        polygraphy_name(): _polygraphy(),
    }
    if unsaid != says:
        found["no error"] = lambda model, variant: _answer(unsaid, model, variant)
    return found


def _answer(says: Says, model: Answers, variant: Answers) -> Answer:
    return worst(output.answer for output in by_roles(says, model, variant))


def _without_error(role: Role) -> dict[str, object]:
    return {name: getattr(role, name) for name in role.__struct_fields__} | {"error": None}


def _before(model: Answers, variant: Answers) -> Answer:
    return "same" if passes(model, variant) else "differs"


def polygraphy_name() -> str:
    return "Polygraphy" if _simple() else "Polygraphy's formula"


def _simple() -> Callable[..., object] | None:
    """CompareFunc.simple of the environment that scripts/bench-env makes, None where it is not."""
    root = Path(__file__).parents[2] / ".venv-bench"
    for folder in root.glob("lib/python*/site-packages"):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    try:
        from polygraphy.comparator import CompareFunc
        from polygraphy.logger import G_LOGGER
    except ImportError:
        return None
    G_LOGGER.module_severity = G_LOGGER.CRITICAL
    return CompareFunc.simple(atol=_POLYGRAPHY, rtol=_POLYGRAPHY)


def _polygraphy() -> Judge:
    simple = _simple()
    if simple is None:
        return _formula

    def judged(model: Answers, variant: Answers) -> Answer:
        from polygraphy.comparator import IterationResult

        with np.errstate(all="ignore"):  # its statistics divide by what is nearly 0
            found = simple(IterationResult(variant), IterationResult(model))
        return "same" if all(bool(result) for result in found.values()) else "differs"

    return judged


def _formula(model: Answers, variant: Answers) -> Answer:
    """As check_error_stat="elemwise": no element may be beyond both tolerances."""
    for name, expected in model.items():
        off = np.abs(variant[name].astype(np.float64) - expected)
        with np.errstate(invalid="ignore", divide="ignore"):
            relative = off / np.abs(expected)
        if not ((off <= _POLYGRAPHY) | (relative <= _POLYGRAPHY)).all():
            return "differs"
    return "same"
