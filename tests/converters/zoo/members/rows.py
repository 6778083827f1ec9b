"""The members' section of docs/models.md: what is said of each converted file, and what its task
loses."""

from collections.abc import Iterator, Sequence

from tests.converters.zoo.converted import FORMATS, Converted, agreement
from tests.converters.zoo.members.conversions import KEYS, PRECISIONS
from tests.converters.zoo.members.members import BY_NAME
from tests.converters.zoo.table import TITLES, lines, rows_of

SECTION = "members"
HEADING = ("member", "framework", "format", *PRECISIONS)


def section(found: Sequence[Converted]) -> str:
    head = HEAD.format(agreement=agreement(found), members=len(BY_NAME))
    return head + "".join(lines(HEADING, rows(found)))


def rows(found: Sequence[Converted]) -> Iterator[tuple[str, ...]]:
    cells = {(one.model, one.format, one.precision): one.cell for one in found}
    for framework, member in KEYS:
        for form in FORMATS:
            shown = [cells[f"{framework}-{member}", form, precision] for precision in PRECISIONS]
            yield (member, TITLES[framework], TITLES[form], *shown)


def written() -> dict[tuple[str, str, str, str], str]:
    """(member, framework, format, precision) -> the cell that the page has."""
    return {
        (member, framework, form, precision): text
        for member, framework, form, *shown in rows_of(SECTION)
        for precision, text in zip(PRECISIONS, shown, strict=True)
    }


HEAD = """\
## Members with a truth of their own

Written by `python scripts/generate_models_table.py`, or by itself with `--members`. {members} tiny
nets, three of them in Keras with the same weights, whose tasks have a metric on what is really
there; [curves.md](curves.md) says which, and where damage turns it. A cell is the verdict, and by
how many tolerances the task is worse with the converted file on its engine: above 1 is bad, below
0.5 good. {agreement}

"""
