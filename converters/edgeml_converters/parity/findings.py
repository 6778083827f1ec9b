"""From figures to names: what is wrong on one engine, and what to do about it."""

from collections.abc import Sequence

import msgspec

from edgeml.evidence import Evidence, Invariant, OutputEvidence
from edgeml.faults import Fault, Finding
from edgeml.parity.answers import OutputParity

_CAUSES = {
    Fault.NOT_FINITE: (
        ("finite",),
        "look for a variable without its values or an overflow (float16), and convert by another "
        "route or precision",
    ),
    Fault.KEPT_STATE: (
        ("repeat", "shuffle"),
        "it keeps state between calls or draws random numbers: return the state as an output and "
        "take it as an input, or export in evaluation mode",
    ),
    Fault.BATCH_DEPENDENT: (
        ("batch", "resize"),
        "a sample's answer must not depend on the others: freeze the batch size to 1, or choose "
        "static quantisation where a scale is found over the whole batch",
    ),
    Fault.FROZEN_SIZE: (
        ("sizes",),
        "a size became a constant: compute what depends on it from the tensor's own shape, or "
        "leave --free out",
    ),
    Fault.CONSTANT_OUTPUT: (
        ("constant",),
        "look for a range that calibration left empty or weights that were lost, and convert by "
        "another route or calibrator",
    ),
}


def findings(
    rows: Sequence[OutputParity],
    invariants: Sequence[Invariant],
    evidence: Evidence | None,
    engine: str,
    permuted: bool,
    exact: bool = False,
) -> tuple[Finding, ...]:
    """Causes first, then the outputs that are not the same, then warnings.

    rows, invariants, evidence: of `engine`. permuted: the file calls an output by another one's
    name. exact: it is the exporter's own file. A model that keeps state is not reported as
    batch-dependent as well, and an error is not repeated as a warning.
    """
    broken = {invariant.name: invariant.message for invariant in invariants if not invariant.passed}
    faults: dict[Fault, str] = {}
    for fault, (names, advice) in _CAUSES.items():
        messages = [broken[name] for name in names if name in broken]
        if messages and not (fault is Fault.BATCH_DEPENDENT and Fault.KEPT_STATE in faults):
            faults[fault] = f"{engine}: {'; '.join(messages)}; {advice}."
    known = {output.name: output for output in evidence.outputs} if evidence else {}
    return (
        *(_error(fault, message, engine) for fault, message in faults.items()),
        *(
            finding
            for row in rows
            if not row.passed and not (Fault.NOT_FINITE in faults and not row.figures)
            for finding in (_not_the_same(row, known.get(row.name), engine, exact),)
        ),
        *(() if Fault.BATCH_DEPENDENT in faults else _within_tolerance_only(invariants, engine)),
        *_permuted_names(engine, permuted),
    )


def of_all_engines(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """The same findings; those that say one thing of several engines are one."""
    merged: dict[tuple[Fault, str, str, str], list[Finding]] = {}
    for finding in found:
        own = f"{finding.engines[0]}: " if finding.engines else ""
        said = finding.message.removeprefix(own)
        merged.setdefault((finding.fault, finding.severity, finding.where, said), []).append(
            finding
        )
    return tuple(_of_engines(alike) for alike in merged.values())


def _of_engines(alike: Sequence[Finding]) -> Finding:
    first = alike[0]
    if len(alike) == 1:
        return first
    engines = tuple(dict.fromkeys(engine for finding in alike for engine in finding.engines))
    message = first.message.removeprefix(f"{first.engines[0]}: ") if engines else first.message
    prefix = f"{', '.join(engines)}: " if message != first.message else ""
    return msgspec.structs.replace(first, message=f"{prefix}{message}", engines=engines)


def _error(fault: Fault, message: str, engine: str, where: str = "") -> Finding:
    return Finding(fault=fault, severity="error", message=message, where=where, engines=(engine,))


def _not_the_same(
    row: OutputParity, output: OutputEvidence | None, engine: str, exact: bool
) -> Finding:
    if row.answer == "cannot tell":
        return _error(Fault.UNDECIDED, f"{engine}: {row.reason}.", engine, row.name)
    parts = [f"{engine}: {row.reason}"]
    if output is not None and output.flips:
        parts.append(_flips(output))
    advice = (
        "the exporter changed the model: write what makes this output with other operators, or "
        "take another version of the exporter or format"
        if exact
        else "find the operator with 'edgeml bisect', keep it in float by --keep-float, or take "
        "another precision"
    )
    return _error(Fault.WRONG_VALUES, f"{'; '.join(parts)}; {advice}.", engine, row.name)


def _flips(output: OutputEvidence) -> str:
    samples = f"{output.flips} sample{'s' if output.flips > 1 else ''}"
    if not output.worst_flips:
        return f"{samples} with another class"
    worst = output.worst_flips[0]
    return (
        f"{samples} with another class, in sample {worst.sample} though the model was ahead by "
        f"{worst.expected_margin:.3g}"
    )


def _within_tolerance_only(invariants: Sequence[Invariant], engine: str) -> tuple[Finding, ...]:
    """A warning about invariants kept within parity's tolerance but not within rounding."""
    messages = [
        invariant.message for invariant in invariants if invariant.passed and invariant.message
    ]
    if not messages:
        return ()
    return (
        Finding(
            fault=Fault.BATCH_DEPENDENT,
            severity="warning",
            message=f"{engine}: {'; '.join(messages)}; send single samples, or choose static "
            "quantisation, where equal samples must get equal answers.",
            engines=(engine,),
        ),
    )


def _permuted_names(engine: str, permuted: bool) -> tuple[Finding, ...]:
    if not permuted:
        return ()
    return (
        Finding(
            fault=Fault.PERMUTED_OUTPUTS,
            severity="warning",
            message=f"{engine}: the file's names of the outputs are permuted against the model's, "
            "and the outputs were paired by their values; use the contract's names, not the "
            "file's.",
            engines=(engine,),
        ),
    )
