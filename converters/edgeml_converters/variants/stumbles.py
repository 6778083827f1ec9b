"""The operators at which a quantiser raises, or which no engine takes as it makes them: found by
keeping ever less of a file in float."""

import re
from collections.abc import Sequence

from edgeml.faults import Fault, Finding
from edgeml_converters.bisect.names import tail
from edgeml_converters.formats.ops import Op, ops_of
from edgeml_converters.steps.process import StepError
from edgeml_converters.variants.quantiser import Quantiser, Recipe

_MOST = 4  # kinds of operators; two of each are looked for by as many files as halving takes
_PLACE = re.compile(r"\bnode(?: number)? \d+", re.IGNORECASE)  # which moves with what is in float


def stumbles(quantiser: Quantiser, recipe: Recipe) -> tuple[Op, ...]:
    """Operators without which the quantiser does not raise, and an engine opens what it makes;
    empty where that does not help.

    recipe: what it raised with. Whatever is at fault is behind the longest beginning of
    the file that may stay in float without a change of the reason. A second one of the same kind
    stands for all of that kind.
    """
    ops = ops_of(quantiser.format, quantiser.base.entry)
    found: list[Op] = []
    raised = _raised(quantiser, recipe, [])
    while raised is not None:
        culprit = _last(quantiser, recipe, ops, found, raised)
        kinds = {op.kind for op in found}
        if culprit is None or (len(kinds) == _MOST and culprit.kind not in kinds):
            return ()
        found += (
            [op for op in ops if op.kind == culprit.kind] if culprit.kind in kinds else [culprit]
        )
        raised = _raised(quantiser, recipe, found)
    return tuple(dict.fromkeys(found))


def without_places(reason: str) -> str:
    """A reason without the places of nodes in it, which what is kept in float moves."""
    return _PLACE.sub("a node", reason)


def stays_float(ops: Sequence[Op], reason: str) -> Finding:
    """What people are told of it."""
    named = ", ".join(f"{op.kind} of {tail(op.name)}" for op in ops[:3])
    more = f" and {len(ops) - 3} more" if len(ops) > 3 else ""
    return Finding(
        fault=Fault.QUANTISER_RAISED,
        severity="warning",
        message=f"The quantiser cannot make {named}{more} ({_why(reason)}); it stays in float.",
    )


def _why(reason: str) -> str:
    """Without the advice that an engine adds."""
    return reason.partition("; convert the model again")[0].rstrip(".")


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
    try:
        quantiser.try_out(recipe.with_float([op.name for op in kept]))
    except StepError as error:
        return without_places(error.reason)
    return None
