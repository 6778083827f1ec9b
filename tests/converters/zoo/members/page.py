"""docs/curves.md: what the task loses and what the verdict says, for each size of each damage."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeml.parity.answers import ORDER, Answer
from tests.converters.zoo.members.curves import BAD, GOOD, Judged, Point, damages
from tests.converters.zoo.members.damages import MORE
from tests.converters.zoo.members.member import Member
from tests.converters.zoo.members.members import MEMBERS

DOCS = Path(__file__).parents[4] / "docs"
PAGE, PICTURE = DOCS / "curves.md", DOCS / "curves.svg"
SEEDS = 20
SIGNS: dict[Answer, str] = {"same": "=", "cannot tell": "?", "differs": "≠"}
Curves = Mapping[str, Mapping[str, Sequence[Point]]]
"""Member -> damage -> its points, by size."""
_MOST = 100.0  # tolerances; what is lost beyond is not told apart


@dataclass(frozen=True)
class Wrong:
    """A point at which truth and verdict are at odds."""

    member: str
    seed: int
    point: Point


@dataclass
class Counts:
    """Over many seeds: how often each answer came for what the truth says, and where it is wrong.

    of: (good, between or bad, the verdict) -> points.
    """

    of: Counter[tuple[str, Answer]]
    wrong: list[Wrong]


def curves() -> Curves:
    """Of the first seed."""
    return {member.name: curves_of(Judged(member)) for member in MEMBERS}


def curves_of(judged: Judged) -> dict[str, list[Point]]:
    return {damage.name: [*judged.curve(damage)] for damage in damages(judged.member)}


def counted(seeds: Iterable[int]) -> Counts:
    counts = Counts(Counter(), [])
    for member in MEMBERS:
        for seed in seeds:
            for points in curves_of(Judged(member, seed)).values():
                counts.of.update((point.truth, point.answer) for point in points)
                counts.wrong += [Wrong(member.name, seed, p) for p in points if not p.agrees]
    return counts


def page(found: Curves, counts: Counts) -> str:
    points = [p for of_member in found.values() for of in of_member.values() for p in of]
    parts = [HEAD.format(
        damages=sum(len(of_member) for of_member in found.values()), points=len(points),
        good=GOOD, bad=BAD,
    )]  # fmt: skip
    parts.append(_counts(counts))
    for member in MEMBERS:
        parts += [f"## {member.name}\n\n", _about(member), *_table(found[member.name])]
    return "".join(parts)


def cell(point: Point) -> str:
    """The tolerances that the task loses, bold where that is bad, and the verdict's sign."""
    most = point.worse > _MOST
    lost = f"{_MOST:.0f}+" if most else f"{point.worse:.1f}" if point.worse >= 10 else ""
    lost = lost or f"{point.worse + 0.0:.2f}".replace("-0.00", "0.00")
    shown = f"**{lost}**" if point.truth == "bad" else lost
    return f"{shown} {SIGNS[point.answer]}" + ("" if point.agrees else " (!)")


def written() -> dict[tuple[str, str, float], str]:
    """The cells that the page has: member, damage, size -> cell."""
    cells: dict[tuple[str, str, float], str] = {}
    member = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            member = line.removeprefix("## ")
        elif member and line.startswith("| ") and not line.startswith(("| damage", "| ---")):
            damage, *shown = (text.strip() for text in line.strip("|").split("|"))
            for size, text in zip(MORE, shown, strict=True):
                if text:
                    cells[member, damage, size] = text
    return cells


def read(shown: str) -> tuple[float, Answer]:
    """Of a cell: what is lost, infinite where that is more than is told apart, and the verdict."""
    lost, sign, *_ = shown.replace("*", "").split()
    answers: dict[str, Answer] = {sign: answer for answer, sign in SIGNS.items()}
    return (math.inf if lost.endswith("+") else float(lost)), answers[sign]


def _about(member: Member) -> str:
    judged = Judged(member)
    costs = judged.own_costs
    names = [*costs]
    name, first = names[0], costs[names[0]]
    others = f", besides {len(names) - 1} other figures" if len(names) > 2 else ""
    others = f", besides {names[1]}" if len(names) == 2 else others
    said = " ".join(f"`--output {role}`" for role in member.outputs)
    told = f"labels of `{member.labels}`" if member.labels else ""
    roles = " and ".join(filter(None, (said, told))) or "its values alone"
    return (
        f"{member.about[0].upper()}{member.about[1:]}. Known by {name}, {first.value:.3f} by the "
        f"model itself{others}. What it means is told by {roles}; the verdict sees "
        f"{member.proof:,} of {member.whole:,} samples.\n\n"
    )


def _table(found: Mapping[str, Sequence[Point]]) -> Iterator[str]:
    sizes = [f"1/{1 / size:.0f}" if size < 1 else f"{size:.0f}" for size in MORE]
    yield f"| damage | {' | '.join(sizes)} |\n"
    yield f"| --- |{' --- |' * len(sizes)}\n"
    for damage, points in found.items():
        cells = {point.size: cell(point) for point in points}
        yield f"| {damage} | {' | '.join(cells.get(size, '') for size in MORE)} |\n"
    yield "\n"


def _counts(counts: Counts) -> str:
    lines = ["| by the truth | " + " | ".join(ORDER) + " |\n", "| --- | --- | --- | --- |\n"]
    for truth in ("good", "between", "bad"):
        row = [f"{counts.of[truth, answer]:,}" for answer in ORDER]
        lines.append(f"| {truth} | {' | '.join(row)} |\n")
    text = COUNTS.format(seeds=SEEDS, table="".join(lines))
    if counts.wrong:
        by = Counter((w.member, w.point.damage, w.point.truth) for w in counts.wrong)
        text += WRONG
        text += "".join(_wrong(key, counts.wrong) for key in sorted(by))
        text += "\n"
    return text


def _wrong(key: tuple[str, str, str], wrong: Sequence[Wrong]) -> str:
    points = [w.point for w in wrong if (w.member, w.point.damage, w.point.truth) == key]
    member, damage, truth = key
    lost = sorted(point.worse for point in points)
    answer = points[0].answer
    reach = f"{lost[0]:.2f}" if len(lost) == 1 else f"{lost[0]:.2f} to {lost[-1]:.2f}"
    return f"| {member} | {damage} | {truth} | {reach} | {answer} | {len(points)} |\n"


HEAD = """\
# Where the verdict turns and where the task does

Written by `python scripts/generate_curves.py`; a test judges three sizes of each curve again. The
members stand in `tests/converters/zoo/members`: tiny nets, each with a task whose truth is known.
There are {damages} curves of {points} points, each of a damage that grows from a size that does
nothing to one that ruins. A point has two sides: what the **task** loses by its own metric on what
is really there, which the verdict does not see, and what the verdict says by the answers of model
and variant alone, as `edgeml convert` asks it of a lower precision.

What is lost is in tolerances: a point (0.01) of a metric over all, three points of one class, key
point or overlap of 0.75, 0.3 cells of a key point's distance, and a hundredth of a column's spread
in its mean absolute error; of several figures the one that loses most. Less than {good} is good,
more than {bad:.0f} is bad, as in `benchmarks/verdict_tasks`, and what is between may be called
either. So **no bad one may be called the same, and no good one different**; that nobody can tell
may be said of any.

![what is lost against the size of the damage, coloured by the verdict](curves.svg)

Green is the same, red differs, blue cannot tell. In the tables a cell is what is lost, bold where
that is bad, and = for the same, ? for cannot tell, ≠ for differs, with (!) where these are at odds.
A size is in shares: of the spread of a layer's weights (noise), of its largest weight (a coarser
step, where int8 has 1/127), of the spread of what is shifted or made noisy, of what fades, of the
samples in which something is swapped.

"""
COUNTS = """\
## All seeds

The same with {seeds} seeds, each of which damages at another place and shows the verdict other
samples; how many points came to which answer:

{table}
"""
WRONG = """\
At odds are:

| member | damage | by the truth | tolerances | verdict | points |
| --- | --- | --- | --- | --- | --- |
"""
