"""What is printed of the repairs of a variant."""

import re
from io import StringIO
from pathlib import Path

from msgspec.structs import replace
from rich.console import Console

from edgeml.conversion import RepairTried
from edgeml.faults import Fault
from edgeml_converters.report.terminal import print_report
from tests.converters.report import conversion_reports


def test_the_tasks_metric_is_said_of_each_variant() -> None:
    console = Console(file=StringIO(), width=1000)
    print_report(console, conversion_reports.mixed(), Path("out"))
    assert isinstance(console.file, StringIO)
    said = [line for line in console.file.getvalue().splitlines() if "accuracy" in line]
    assert len(said) == 3  # one of the four was not made
    assert re.fullmatch(
        r"onnx-fp32: accuracy of logits is (0\.\d+), the model's \1, a difference of 0 \(0 to 0\)",
        said[0],
    )
    of_int8 = re.fullmatch(
        r"tflite-int8: accuracy of logits is (.*), the model's (.*), a difference of (.*) \(.*\)",
        said[2],
    )
    assert of_int8 is not None
    variant, model, difference = map(float, of_int8.groups())
    assert variant < model and abs(variant - model - difference) < 1e-3


def _lines(*repairs: RepairTried, passed: bool = True) -> list[str]:
    report = conversion_reports.mixed()
    variant = replace(report.variants[0 if passed else -1], repairs=repairs)
    console = Console(file=StringIO(), width=1000)
    print_report(console, replace(report, variants=(variant,)), Path("out"))
    assert isinstance(console.file, StringIO)
    printed = console.file.getvalue().splitlines()
    return [
        line.partition(": ")[2]
        for line in printed
        if line.partition(": ")[2].startswith(("repaired", "tried", "made better"))
    ]


def _tried(action: str, snr_db: float | None, *, kept: bool, fault: bool = True) -> RepairTried:
    faults = (Fault.WRONG_VALUES,) if fault else ()
    return RepairTried(faults=faults, action=action, snr_db=snr_db, kept=kept)


def test_what_was_kept_is_told_and_what_was_not_is_counted() -> None:
    assert _lines(
        _tried("keep Add of a in float", 12.34, kept=False),
        _tried("keep [b] in float", 30.0, kept=True),
        _tried("keep c in float", 20.0, kept=False),
        _tried("keep d in float", None, kept=False),
        _tried("keep e in float", None, kept=True, fault=False),
    ) == [
        "repaired (wrong-values): keep [b] in float, 30.0 dB on the samples that choose",
        "repaired: keep e in float, exact on the samples that choose",
        "tried 3 repairs that were not kept, of 20.0 dB at best; report.json has all",
    ]
    assert _lines(_tried("keep d in float", None, kept=False)) == [
        "tried a repair that was not kept; report.json has all"
    ]
    (said,) = _lines(_tried("keep f in float", -0.8, kept=True), passed=False)
    assert said == (
        "made better, though not good enough (wrong-values): keep f in float, -0.8 dB on the "
        "samples that choose"
    )
    assert _lines() == []
