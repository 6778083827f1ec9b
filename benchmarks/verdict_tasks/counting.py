"""How often each judge is right about the variants of a task, as the task's metric decides."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from verdict_tasks import damaged, quantised
from verdict_tasks.judges import SLOW, by_roles, judges_for
from verdict_tasks.task import Answers, Task, answers

SIZES = (64, 200)
RIGHTS = ("bad_same", "good_differs", "good_cannot", "bad_cannot")
Key = tuple[str, str, int]
"""A judge, one of RIGHTS, the number of samples."""


@dataclass(frozen=True)
class Case:
    """One variant. worse: by how many tolerances its task's metric is; said: of each judge and
    number of samples, the answer for each draw. most: the figure of the rule by roles that is the
    worst over the whole test set."""

    variant: str
    worse: float
    said: dict[tuple[str, int], list[str]]
    most: str

    @property
    def few(self) -> bool:
        return self.variant.startswith(damaged.FEW)

    @property
    def bad(self) -> bool:
        return self.worse > 1

    @property
    def good(self) -> bool:
        return self.worse < 0.5

    def share(self, judge: str, samples: int, answer: str) -> float:
        said = self.said[judge, samples]
        return said.count(answer) / len(said)


@dataclass
class Counted:
    """What came of one task."""

    task: Task
    cases: list[Case] = field(default_factory=list)

    @property
    def bad(self) -> list[Case]:
        return [case for case in self.cases if case.bad]

    @property
    def good(self) -> list[Case]:
        return [case for case in self.cases if case.good]

    def rate(self, judge: str, right: str, samples: int, few: bool | None = None) -> float | None:
        """None where the task has no such variant, or no such judge.

        few: only of faults that a share of the samples has, or only of all others.
        """
        kind, answer = right.split("_")
        cases = self.bad if kind == "bad" else self.good
        cases = [case for case in cases if few is None or case.few == few]
        if not cases or (judge, samples) not in cases[0].said:
            return None
        answer = {"cannot": "cannot tell"}.get(answer, answer)
        return float(np.mean([case.share(judge, samples, answer) for case in cases]))


def counted(task: Task, variants: int, draws: int) -> Counted:
    """Half of the variants are quantised, half damaged."""
    rng = np.random.default_rng(zlib.crc32(task.name.encode()))
    own = answers(task.net, task.inputs)
    cost = task.cost(own)
    judges = judges_for(task.says, tuple(own))
    of = {
        samples: [rng.choice(len(task.inputs), samples, replace=False) for _ in range(draws)]
        for samples in SIZES
    }
    found = Counted(task)
    for name, variant in _variants(task, own, rng, variants):
        worse = float((task.cost(variant) - cost).max())
        said = {
            (judge, samples): [
                str(judged(_at(own, rows), _at(variant, rows)))
                for rows in drawn[: 1 if judge in SLOW else None]
            ]
            for judge, judged in judges.items()
            for samples, drawn in of.items()
        }
        found.cases.append(Case(name, worse, said, _most(task, own, variant)))
    return found


def _variants(
    task: Task, own: Answers, rng: np.random.Generator, count: int
) -> Iterator[tuple[str, Answers]]:
    kept = quantised.kept(task)
    for how in quantised.drawn(rng, count // 2):
        yield str(how), quantised.quantised(task, how, kept)
    for damage in damaged.drawn(rng, count - count // 2):
        yield str(damage), damaged.damaged(task, damage, own)


def _most(task: Task, own: Answers, variant: Answers) -> str:
    figures = [(o.name, o.figures[0]) for o in by_roles(task.says, own, variant) if o.figures]
    if not figures:
        return "not comparable"
    name, worst = max(figures, key=lambda figure: figure[1].share)
    return f"{worst.figure} of {name} {worst.channel}: {worst.value or 0:.2g} of {worst.same:.2g}"


def _at(found: Answers, rows: np.ndarray) -> Answers:
    return {name: array[rows] for name, array in found.items()}
