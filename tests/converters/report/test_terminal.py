"""What is printed of the repairs of a variant."""

from io import StringIO
from pathlib import Path

from msgspec.structs import replace
from rich.console import Console

from edgeml.conversion import RepairTried
from edgeml.faults import Fault
from edgeml_converters.report.terminal import print_report
from tests.converters.report import conversion_reports


def _lines(*repairs: RepairTried) -> list[str]:
    report = conversion_reports.mixed()
    variant = replace(report.variants[-1], repairs=repairs)
    console = Console(file=StringIO(), width=1000)
    print_report(console, replace(report, variants=(variant,)), Path("out"))
    assert isinstance(console.file, StringIO)
    printed = console.file.getvalue().splitlines()
    return [line.partition(": ")[2] for line in printed if "mended" in line or "tried" in line]


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
        "mended against wrong-values: keep [b] in float: 30.0 dB",
        "mended against what other samples may say: keep e in float: exact",
        "tried 3 repairs that were not kept, of 20.0 dB at best; report.json has all",
    ]
    assert _lines(_tried("keep d in float", None, kept=False)) == [
        "tried a repair that was not kept; report.json has all"
    ]
    assert _lines() == []
