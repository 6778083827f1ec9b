"""When nothing speaks against a file of lower precision."""

from dataclasses import dataclass

from edgeml.conversion import EngineParity, VariantReport
from edgeml.faults import Fault, Finding
from edgeml.parity.answers import Answer, OutputParity
from edgeml_converters.variants.candidate import Candidate


@dataclass(frozen=True)
class _Row:
    engine: str
    answer: Answer
    ran: bool = True

    def parity(self) -> EngineParity:
        outputs = (OutputParity(name="y", answer=self.answer),) if self.ran else ()
        return EngineParity(
            engine=self.engine, version="1", optimisation="all", outputs=outputs,
            answer=self.answer, error=None if self.ran else "it knows GATHER_ND up to version 4",
        )  # fmt: skip


def _candidate(*rows: _Row, faults: tuple[Fault, ...] = ()) -> Candidate:
    report = VariantReport(
        id="tflite-int8", format="tflite", precision="int8", answer="same", routes=(),
        engines=tuple(row.parity() for row in rows),
        findings=tuple(Finding(fault=f, severity="error", message="it is.") for f in faults),
    )  # fmt: skip
    return Candidate(report, None)


OLD = _Row("tflite", "differs", ran=False)  # an engine that is too old for the model's operators
FLOAT = _candidate(OLD, _Row("litert", "same"), faults=(Fault.OP_VERSION,))


def test_what_cannot_be_mended_by_other_precision_speaks_against_no_file() -> None:
    again = (Fault.OP_VERSION,)
    assert _candidate(OLD, _Row("litert", "same"), faults=again).near_beside(FLOAT)
    assert not _candidate(OLD, _Row("litert", "differs"), faults=again).near_beside(FLOAT)
    own = (Fault.OP_VERSION, Fault.WRONG_VALUES)
    assert not _candidate(OLD, _Row("litert", "same"), faults=own).near_beside(FLOAT)


def test_an_engine_that_runs_the_file_must_agree_though_it_did_not_run_the_float_file() -> None:
    rows = (_Row("tflite", "differs"), _Row("litert", "same"))
    assert not _candidate(*rows).near_beside(FLOAT)


def test_an_engine_that_ran_the_float_file_must_run_this_one() -> None:
    both = _candidate(_Row("tflite", "same"), _Row("litert", "same"))
    assert not _candidate(OLD, _Row("litert", "same")).near_beside(both)
