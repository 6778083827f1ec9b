"""What the engines answered about one converted file, and how it differs, in words."""

from dataclasses import dataclass, field

from edgeml.conversion import EngineParity
from edgeml.evidence import Invariant
from edgeml.faults import Finding
from edgeml.parity.answers import Answer, best
from edgeml_converters.formats.tensors import Array, Arrays, Integers, Names


@dataclass
class Parity:
    """The parity of one converted file, as it is gathered engine by engine.

    inputs, outputs: the contract's names -> the file's; empty until an engine has run it.
    settled: whether answers agreed with the model's under them.
    """

    engines: list[EngineParity] = field(default_factory=list[EngineParity])
    inputs: Names = field(default_factory=dict[str, str])
    outputs: Names = field(default_factory=dict[str, str])
    settled: bool = False
    findings: list[Finding] = field(default_factory=list[Finding])
    answers: Arrays = field(default_factory=dict[str, Array])
    """Of the first engine that agreed, else of the first that ran, by the contract's names."""
    answers_by_engine: dict[str, Arrays] = field(default_factory=dict[str, Arrays])
    """Of each engine at the level that will be used."""
    integers: Integers = field(default_factory=Integers)

    @property
    def answer(self) -> Answer:
        """Of the engine that agrees best with the model."""
        return best(row.answer for row in self.engines)

    @property
    def passed(self) -> bool:
        """At least one engine agrees with the model."""
        return self.answer == "same"

    @property
    def unanimous(self) -> bool:
        """Every installed engine agrees with the model, at one level at least."""
        return self._all_engines("same")

    @property
    def undisputed(self) -> bool:
        """No installed engine differs at every level: another file could not do better."""
        return self._all_engines("same", "cannot tell")

    def _all_engines(self, *answers: Answer) -> bool:
        engines = {row.engine for row in self.engines if row.answer in answers}
        return bool(engines) and engines == {row.engine for row in self.engines}

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
                    return f"{row.engine}: {output.reason}"
            broken = next((i for i in invariants_of(row) if not i.passed), None)
            if broken is not None:
                return f"{row.engine}: {broken.message}"
        if failed[0].error is not None:
            return f"{failed[0].engine} could not run it: {failed[0].error}"
        errors = [f for f in self.findings if f.severity == "error"]
        refused = (f for f in errors if failed[0].engine in f.engines)
        return next((f.message for f in refused), f"{failed[0].engine} does not agree")


def invariants_of(row: EngineParity) -> tuple[Invariant, ...]:
    return row.evidence.invariants if row.evidence else ()
