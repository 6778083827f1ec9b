"""The operators at which a quantiser raises: found by keeping ever less of a file in float."""

from collections.abc import Sequence

from edgeml.faults import Fault, Finding
from edgeml_converters.bisect.around import Op, ops_of
from edgeml_converters.bisect.names import tail
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants.quantiser import Quantiser, Recipe

_MOST = 4  # operators or kinds of them; each costs as many files as halving takes


def stumbles(quantiser: Quantiser, recipe: Recipe, reason: str) -> tuple[Op, ...]:
    """Operators without which the quantiser does not raise; empty where that does not help.

    recipe, reason: what it raised with. Whatever is at fault is behind the longest beginning of
    the file that may stay in float without a change of the reason. A second one of the same kind
    stands for all of that kind.
    """
    ops = ops_of(quantiser.format, quantiser.base.entry)
    found: list[Op] = []
    for _ in range(_MOST):
        culprit = _last(quantiser, recipe, ops, found, reason)
        if culprit is None:
            return ()
        alike = [op for op in ops if op.kind == culprit.kind]
        found += alike if any(op.kind == culprit.kind for op in found) else [culprit]
        raised = _raised(quantiser, recipe, found)
        if raised is None:
            return tuple(dict.fromkeys(found))
        reason = raised
    return ()


def stays_float(ops: Sequence[Op], reason: str) -> Finding:
    """What people are told of it."""
    named = ", ".join(f"{op.kind} of {tail(op.name)}" for op in ops[:3])
    more = f" and {len(ops) - 3} more" if len(ops) > 3 else ""
    return Finding(
        fault=Fault.QUANTISER_RAISED,
        severity="warning",
        message=f"The quantiser cannot make {named}{more} ({reason.rstrip('.')}); it stays in "
        "float.",
    )


def _last(
    quantiser: Quantiser, recipe: Recipe, ops: Sequence[Op], found: Sequence[Op], reason: str
) -> Op | None:
    """The last operator at which it raises for `reason`, by halving."""
    if _raised(quantiser, recipe, [*found, *ops]) == reason:
        return None
    low, high = 0, len(ops)  # it raises with `low` of them in float, and not with `high`
    while high - low > 1:
        middle = (low + high) // 2
        if _raised(quantiser, recipe, [*found, *ops[:middle]]) == reason:
            low = middle
        else:
            high = middle
    return ops[high - 1]


def _raised(quantiser: Quantiser, recipe: Recipe, kept: Sequence[Op]) -> str | None:
    """Why it makes no file with these in float besides; None where it makes one."""
    names = tuple(dict.fromkeys((*recipe.keep_float, *(op.name for op in kept))))
    try:
        quantiser.quantise(Recipe(recipe.calibrator, names, recipe.per_channel))
    except StepError as error:
        return error.reason
    return None
