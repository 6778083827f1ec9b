"""What the engines answered about one converted file, and how it differs, in words."""

from dataclasses import dataclass, field

from edgeml.conversion import EngineParity
from edgeml.evidence import Invariant
from edgeml.faults import Finding
from edgeml.parity import OutputParity
from edgeml_converters.formats.tensors import Array, Arrays, Names


@dataclass
class Parity:
    """The parity of one converted file, as it is gathered engine by engine.

    inputs, outputs: the contract's names -> the file's; empty until an engine has run it.
    """

    engines: list[EngineParity] = field(default_factory=list[EngineParity])
    inputs: Names = field(default_factory=dict[str, str])
    outputs: Names = field(default_factory=dict[str, str])
    findings: list[Finding] = field(default_factory=list[Finding])
    answers: Arrays = field(default_factory=dict[str, Array])
    """Of the first engine that agreed, else of the first that ran, by the contract's names."""

    @property
    def passed(self) -> bool:
        """At least one engine agrees with the model."""
        return any(row.passed for row in self.engines)

    @property
    def unanimous(self) -> bool:
        """Every installed engine agrees with the model, at one level at least."""
        agreeing = {row.engine for row in self.engines if row.passed}
        return self.passed and agreeing == {row.engine for row in self.engines}

    @property
    def permuted_names(self) -> bool:
        """Whether the file has the contract's names of outputs, but on other outputs."""
        return self.outputs.keys() == set(self.outputs.values()) and any(
            ours != theirs for ours, theirs in self.outputs.items()
        )

    def fault(self) -> str | None:
        """Why it is not unanimous, in words."""
        if self.unanimous:
            return None
        if not self.engines:
            return "no engine for it is installed; see 'edgeml doctor'"
        agreeing = {row.engine for row in self.engines if row.passed}
        failed = [row for row in self.engines if row.engine not in agreeing]
        for row in failed:
            for output in row.outputs:
                if not output.passed:
                    return f"{row.engine} gives {describe(output)}"
            broken = next((i for i in invariants_of(row) if not i.passed), None)
            if broken is not None:
                return f"{row.engine}: {broken.message}"
        if failed[0].error is not None:
            return f"{failed[0].engine} could not run it: {failed[0].error}"
        errors = [f for f in self.findings if f.severity == "error"]
        refused = (f for f in errors if failed[0].engine in f.engines)
        return next((f.message for f in refused), f"{failed[0].engine} does not agree")


def describe(output: OutputParity) -> str:
    """An output out of tolerance, in words."""
    if output.max_abs is None:
        return f"NaN, infinity or another shape in {output.name!r}"
    shown = [] if output.cosine is None else [f"cosine {output.cosine:.6f}"]
    shown += [] if output.top1 is None else [f"top-1 {output.top1:.4f}"]
    if output.max_abs <= output.limit_abs:
        return f"too low {' or '.join(shown)} in {output.name!r}"
    return (
        f"max abs {output.max_abs:.3g} in {output.name!r} where {output.limit_abs:.3g} is allowed"
        + (f" ({', '.join(shown)})" if shown else "")
    )


def worst_snr(rows: tuple[OutputParity, ...]) -> float:
    """The lowest of `rows` in dB; infinite where all are exact, -1e9 where one has no figures."""
    return min(
        -1e9 if r.max_abs is None else float("inf") if r.snr_db is None else r.snr_db for r in rows
    )


def invariants_of(row: EngineParity) -> tuple[Invariant, ...]:
    return row.evidence.invariants if row.evidence else ()
