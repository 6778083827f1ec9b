"""What goes wrong at one level of graph optimisation and not at another, as findings."""

from collections.abc import Sequence

from edgeml.conversion import EngineParity
from edgeml.faults import Fault, Finding
from edgeml.manifest import Optimisation


def level_findings(
    engine: str, rows: Sequence[EngineParity], crashed: Sequence[Optimisation]
) -> tuple[Finding, ...]:
    """Values that differ at some levels only, then levels at which the engine's process ended, or
    else why it did not run at some.

    rows: of `engine`, one for each level, the highest first. crashed: where its process ended.
    """
    passed = next((row.optimisation for row in rows if row.passed), None)
    wrong = [row.optimisation for row in rows if row.outputs and not row.passed]
    findings: list[Finding] = []
    if passed is not None and wrong:
        findings.append(
            Finding(
                fault=Fault.WRONG_VALUES,
                severity="warning",
                message=f"{engine} differs at graph optimisation {', '.join(wrong)}, but not at "
                f"{passed}; the package names {passed}, and a device uses it.",
                engines=(engine,),
            )
        )
    if crashed:
        findings.append(_crash(engine, ", ".join(crashed), passed))
    elif failed := [row for row in rows if row.error]:
        ran = next((row.optimisation for row in rows if not row.error), None)
        levels = ", ".join(row.optimisation for row in failed)
        findings.append(
            Finding(
                fault=Fault.ENGINE_REFUSED,
                severity="warning" if ran else "error",
                message=f"{engine} does not run it at graph optimisation {levels}, but at {ran}, "
                f"which a device uses where it is the same: {failed[0].error}"
                if ran
                else f"{engine}: {failed[0].error}",
                engines=(engine,),
            )
        )
    return tuple(findings)


def _crash(engine: str, levels: str, passed: str | None) -> Finding:
    if passed is not None:
        return Finding(
            fault=Fault.OPTIMISER_CRASH,
            severity="warning",
            message=f"{engine} crashes at graph optimisation {levels}, but not at {passed}; the "
            f"package names {passed}, and a device uses it.",
            engines=(engine,),
        )
    return Finding(
        fault=Fault.ENGINE_CRASH,
        severity="error",
        message=f"{engine} ends its process on this file ({levels}); choose another variant.",
        engines=(engine,),
    )
