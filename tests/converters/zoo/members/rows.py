"""The members' section of docs/models.md: what is said of each converted file, and what its task
loses."""

from collections.abc import Iterator, Sequence

from tests.converters.zoo.members.conversions import FORMATS, KEYS, PRECISIONS, Converted
from tests.converters.zoo.members.members import BY_NAME
from tests.converters.zoo.table import PAGE, TITLES

SECTION = "members"
HEADING = ("member", "framework", "format", *PRECISIONS)


def section(found: Sequence[Converted]) -> str:
    table = [HEADING, ("---",) * len(HEADING), *rows(found)]
    agreeing = sum(one.agrees for one in found)
    return HEAD.format(agreeing=agreeing, total=len(found), members=len(BY_NAME)) + "".join(
        f"| {' | '.join(row)} |\n" for row in table
    )


def rows(found: Sequence[Converted]) -> Iterator[tuple[str, ...]]:
    by_key = {(c.framework, c.member, c.format, c.precision): c for c in found}
    for framework, member in KEYS:
        for form in FORMATS:
            cells = [cell(by_key[framework, member, form, precision]) for precision in PRECISIONS]
            yield (member, TITLES[framework], TITLES[form], *cells)


def cell(one: Converted) -> str:
    """The verdict, and by how many tolerances the task is worse."""
    lost = f"{one.worse:.2f}".replace("-0.00", "0.00")
    repaired = ", repaired" if one.repaired else ""
    return f"{one.answer}, {lost}{repaired}" + ("" if one.agrees else " (!)")


def written() -> dict[tuple[str, str, str, str], str]:
    """(member, framework, format, precision) -> the cell that the page has."""
    cells: dict[tuple[str, str, str, str], str] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        row = tuple(text.strip() for text in line.strip("|").split("|"))
        if len(row) == len(HEADING) and row[0] in BY_NAME:
            member, framework, form, *shown = row
            for precision, text in zip(PRECISIONS, shown, strict=True):
                cells[member, framework, form, precision] = text
    return cells


HEAD = """\
## Members with a truth of their own

Written by `python scripts/generate_models_table.py`, or by itself with `--members`. {members} tiny
nets, three of them in Keras with the same weights, whose tasks have a metric on what is really
there; [curves.md](curves.md) says which, and where damage turns it. A cell is the verdict, and by
how many tolerances the task is worse with the converted file on its engine: above 1 is bad, below
0.5 good. {agreeing} of {total} files agree: none is called the same that is bad, and none different
that is good.

"""
