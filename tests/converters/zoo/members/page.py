"""docs/curves.md: what the task loses and what the verdict says, for each size of each damage."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeml.parity.answers import ORDER, Answer
from tests.converters.zoo.known import BAD, GOOD
from tests.converters.zoo.members.curves import Judged, Point, damages
from tests.converters.zoo.members.damages import MORE
from tests.converters.zoo.members.member import Member
from tests.converters.zoo.members.members import MEMBERS

DOCS = Path(__file__).parents[4] / "docs"
PAGE, PICTURE = DOCS / "curves.md", DOCS / "curves.svg"
SEEDS = 20
SIGNS: dict[Answer, str] = {"same": "=", "cannot tell": "?", "differs": "≠"}
Curves = Mapping[str, Mapping[str, Sequence[Point]]]
"""Member -> damage -> its points, by size."""
UNKNOWN = "nobody knows yet why"
REASONS = {
    "two_heads": (
        "1.6 % of the samples have the fault, and by chance few of them are among the 400 that are "
        "seen; of 60 other draws 2 are called the same, and 58 cannot tell."
    ),
    "rare_event": (
        "The 3,000 samples have some 45 faults, of which those few that a variant takes for others "
        "may not be drawn: with seed 9, 2 of 60 other draws are called the same. With seeds 15 and "
        "19, 7 and 15 of 60 are: the variant gives an alarm less often, which costs recall and "
        "brings precision. Scores are judged by F1, which keeps within half a point to a point "
        "there, and up to a tenth of them may switch. Who needs the recall itself says "
        "`--tolerance alarm:switched=0.03`, and gives more samples: by these 3,000 nobody can tell "
        "then, of most good ones neither."
    ),
    "stream": (
        "Four sequences are seen, which may be unlike others; of 60 other draws none differs."
    ),
}
"""Of members at whose points truth and verdict are at odds."""
_WRONG_COLUMNS = 7
_MOST = 100.0  # tolerances; what is lost beyond is not told apart


@dataclass(frozen=True)
class Seeded:
    """A point of a member at one of many seeds."""

    member: str
    seed: int
    point: Point


def curves() -> Curves:
    """Of the first seed."""
    return {member.name: curves_of(Judged(member)) for member in MEMBERS}


def curves_of(judged: Judged) -> dict[str, list[Point]]:
    return {damage.name: [*judged.curve(damage)] for damage in damages(judged.member)}


def seeded(seeds: Iterable[int]) -> list[Seeded]:
    """All points of all members at each seed."""
    return [
        Seeded(member.name, seed, point)
        for member in MEMBERS
        for seed in seeds
        for points in curves_of(Judged(member, seed)).values()
        for point in points
    ]


def page(found: Curves, all_seeds: Sequence[Seeded]) -> str:
    points = [p for of_member in found.values() for of in of_member.values() for p in of]
    parts = [HEAD.format(
        damages=sum(len(of_member) for of_member in found.values()), points=len(points),
        good=GOOD, bad=BAD,
    )]  # fmt: skip
    parts.append(_counts(all_seeds))
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
    return {
        (member.name, damage, size): text
        for member in MEMBERS
        for damage, *shown in _rows(member.name)
        for size, text in zip(MORE, shown, strict=True)
        if text
    }


def at_odds() -> list[tuple[str, ...]]:
    """The rows of the page's table of the points at which truth and verdict are at odds."""
    return [row for row in _rows("All seeds") if len(row) == _WRONG_COLUMNS]


def _rows(heading: str) -> Iterator[tuple[str, ...]]:
    """Of the tables in one section of the page, without their heads."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    for table in text.split("\n\n"):
        if table.startswith("| "):
            for line in table.splitlines()[2:]:
                yield tuple(cell.strip() for cell in line.strip("|").split("|"))


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


def _counts(all_seeds: Sequence[Seeded]) -> str:
    rows = [
        _count(member.name, [s.point for s in all_seeds if s.member == member.name])
        for member in MEMBERS
    ]
    rows.append(_count("all", [s.point for s in all_seeds]))
    text = COUNTS.format(seeds=SEEDS, table="".join(rows))
    wrong = [s for s in all_seeds if not s.point.agrees]
    if wrong:
        text += WRONG.format(count=len(wrong)) + "".join(map(_wrong, wrong)) + "\n"
        for member in dict.fromkeys(s.member for s in wrong):
            text += f"- {member}: {REASONS.get(member, UNKNOWN)}\n"
        text += "\n"
    return text


def _count(name: str, points: Sequence[Point]) -> str:
    of = Counter((point.truth, point.answer) for point in points)
    counts = [f"{of[truth, answer]:,}" for truth in ("good", "bad") for answer in ORDER]
    open_ = max((p.worse for p in points if p.answer == "cannot tell"), default=0.0)
    return f"| {name} | {' | '.join(counts)} | {open_:.1f} |\n"


def _wrong(seeded: Seeded) -> str:
    point = seeded.point
    size = f"{point.size:.3g}" if point.size > 1 else f"1/{1 / point.size:.0f}"
    return (
        f"| {seeded.member} | {point.damage} | {size} | {seeded.seed} | {point.figure} | "
        f"{point.worse:.2f} | {point.answer} |\n"
    )


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
samples: how many points came to which answer, and the most tolerances lost where nobody could tell.

| member | good: same | cannot tell | differs | bad: same | cannot tell | differs | most |
| --- | --- | --- | --- | --- | --- | --- | --- |
{table}
"""
WRONG = """\
Truth and verdict are at odds at {count} of them:

| member | damage | size | seed | figure | tolerances | verdict |
| --- | --- | --- | --- | --- | --- | --- |
"""
