"""From figures to names: what is wrong on one engine, and what to do about it."""

from collections.abc import Sequence

from edgeml.evidence import Evidence, Invariant, OutputEvidence
from edgeml.faults import Fault, Finding
from edgeml.parity import OutputParity

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
) -> tuple[Finding, ...]:
    """Causes first, then the outputs that are out of tolerance, then warnings.

    rows, invariants, evidence: of `engine`. permuted: the file calls an output by another one's
    name. A model that keeps state is not reported as batch-dependent as well, and an error is not
    repeated as a warning.
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
            _error(Fault.WRONG_VALUES, _wrong(row, known.get(row.name), engine), engine, row.name)
            for row in rows
            if not row.passed and not (row.max_abs is None and Fault.NOT_FINITE in faults)
        ),
        *(() if Fault.BATCH_DEPENDENT in faults else _within_tolerance_only(invariants, engine)),
        *_permuted_names(engine, permuted),
    )


def _error(fault: Fault, message: str, engine: str, where: str = "") -> Finding:
    return Finding(fault=fault, severity="error", message=message, where=where, engines=(engine,))


def _wrong(row: OutputParity, output: OutputEvidence | None, engine: str) -> str:
    if row.max_abs is None:
        return (
            f"{engine} gives {row.name!r} in another shape than the model; convert by another "
            "route or make the model's shapes explicit."
        )
    if row.max_abs > row.limit_abs:
        parts = [f"max abs {row.max_abs:.3g} where {row.limit_abs:.3g} is allowed"]
    else:
        parts = ["too low " + " or ".join(_shares(row))]
    if row.snr_db is not None:
        parts.append(f"{row.snr_db:.1f} dB of signal to noise")
    if output is not None and output.flips:
        parts.append(_flips(output))
    return (
        f"{engine} gives other values than the model in {row.name!r} ({', '.join(parts)}); find "
        "the first op that differs with 'edgeml bisect', or try --repair or another precision."
    )


def _shares(row: OutputParity) -> list[str]:
    """Cosine and top-1, one of which is too low where no single value is too far off."""
    shares = [] if row.cosine is None else [f"cosine {row.cosine:.4f}"]
    return shares + ([] if row.top1 is None else [f"top-1 {row.top1:.2%}"])


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
