"""What follows from a role and may surprise is said, once, and where it applies."""

from io import StringIO
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from edgeml.conversion import ConversionReport
from edgeml.parity.roles import Role
from edgeml.parity.words import role_notes
from edgeml_converters.report.html import render
from edgeml_converters.report.terminal import print_report
from tests.converters.report import conversion_reports

LOGITS = Role(kind="logits", source="user")
SIGMOID = Role(kind="mask", source="graph")


@pytest.mark.parametrize(
    ("roles", "said"),
    [
        ({"y": LOGITS, "z": LOGITS}, ["Of logits (y, z) only which class is ahead counts"]),
        ({"y": SIGMOID}, ["A picture that ends in a sigmoid (y) counts as a mask"]),
        ({"y": Role(kind="mask", source="user")}, []),
        ({"y": Role(kind="score-logits"), "z": Role(kind="probabilities")}, []),
    ],
)
def test_scaled_logits_and_sigmoid_pictures(roles: dict[str, Role], said: list[str]) -> None:
    notes = role_notes({name: (role,) for name, role in roles.items()})
    assert len(notes) == len(said)
    for note, start in zip(notes, said, strict=True):
        assert note.startswith(start)


def _printed(report: ConversionReport) -> str:
    console = Console(file=StringIO(), width=1000)
    print_report(console, report, Path("out"))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_report_says_it_once_and_of_a_float32_file_not_at_all() -> None:
    report = conversion_reports.mixed()
    roles = {"y": (LOGITS,), "map": (SIGMOID,)}
    report = replace(report, roles=roles)
    page = render(report, {}, conversion_reports.samples())
    exact = replace(report, variants=tuple(v for v in report.variants if v.precision == "fp32"))
    for note in ("twice as large they are the same", "ends in a sigmoid (map)"):
        assert _printed(report).count(note) == page.count(note) == 1
        assert note not in _printed(exact)
