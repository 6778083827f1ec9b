"""The last line of a conversion: every variant that failed, and the exit code of the worst."""

from pathlib import Path

import msgspec
import pytest

from edgeml.conversion import ConversionReport, EngineParity, VariantReport
from edgeml.errors import ConversionError, EdgemlError, ParityError, UndecidedError
from edgeml.faults import Fault, Finding
from edgeml.manifest import Precision
from edgeml.parity.answers import Answer
from edgeml_converters.convert import verdict


def _variant(precision: Precision, answer: Answer, made: bool = True) -> VariantReport:
    row = EngineParity(engine="onnxruntime", version="1", outputs=(), answer=answer)
    return VariantReport(
        id=f"onnx-{precision}", format="onnx", precision=precision, answer=answer, routes=(),
        engines=(row,) if made else (), files=("model.onnx",) if made else (),
    )  # fmt: skip


SAME = _variant("fp32", "same")
OPEN = _variant("int8-dynamic", "cannot tell")
WRONG = _variant("int8", "differs")
ABSENT = _variant("fp16", "differs", made=False)


@pytest.mark.parametrize(
    ("variants", "error", "start"),
    [
        ((SAME, OPEN, WRONG, ABSENT), ConversionError, "onnx-fp16 could not be made ("),
        ((SAME, OPEN, WRONG), ParityError, "onnx-int8 does not say the same as the model ("),
        ((OPEN, SAME), UndecidedError, "onnx-int8-dynamic may or may not say the same as the"),
    ],
)
def test_the_worst_comes_first_and_none_is_left_out(
    variants: tuple[VariantReport, ...], error: type[EdgemlError], start: str
) -> None:
    report = ConversionReport(
        source="net.py:net", framework="torch", samples=70, variants=variants, tools={}
    )
    with pytest.raises(error) as raised:
        verdict(report, Path("out"))
    sentence = str(raised.value)
    assert sentence.startswith(start)
    assert sentence.endswith("all figures are in out/report.json.")
    for variant in variants:
        assert sentence.count(f"{variant.id} ") == (variant is not SAME)


def test_what_an_engine_could_not_do_is_said_once() -> None:
    row = msgspec.structs.replace(WRONG.engines[0], error="it knows no such op")
    failed = msgspec.structs.replace(WRONG, engines=(row, row))
    report = ConversionReport(
        source="net.py:net", framework="torch", samples=70, variants=(failed,), tools={}
    )
    with pytest.raises(ConversionError, match=r"ran on no engine \(onnxruntime: it knows no such"):
        verdict(report, Path("out"))


def test_without_an_engine_that_is_what_is_said() -> None:
    unseen = msgspec.structs.replace(OPEN, engines=())
    report = ConversionReport(
        source="net.py:net", framework="torch", samples=70, variants=(unseen,), tools={}
    )
    with pytest.raises(UndecidedError, match="no engine for it is installed; see 'edgeml doctor'"):
        verdict(report, Path("out"))


def test_nothing_is_said_where_all_are_the_same() -> None:
    report = ConversionReport(
        source="net.py:net", framework="torch", samples=70, variants=(SAME,), tools={}
    )
    verdict(report, Path("out"))


def test_what_is_not_made_for_another_variant_says_so() -> None:
    why = Finding(fault=Fault.WRONG_VALUES, severity="error", message="'y' is off.")
    base = msgspec.structs.replace(WRONG, findings=(why,))
    absent = msgspec.structs.replace(ABSENT, findings=(why,))
    report = ConversionReport(
        source="net.onnx", framework="onnx", samples=70, variants=(base, absent), tools={}
    )
    with pytest.raises(ConversionError) as raised:
        verdict(report, Path("out"))
    assert str(raised.value).startswith(
        "onnx-fp16 could not be made (onnx-int8, of which it is made, does not say the same as the "
        "model: wrong-values: 'y' is off); "
    )
