"""What is said of an output after comparing: same, differs, or cannot tell yet, and why."""

from collections.abc import Iterable
from typing import Literal

from edgeml.documents import Strict
from edgeml.parity.limits import LIMITS, Name

Answer = Literal["same", "differs", "cannot tell"]
_OPEN: tuple[Name, ...] = ("noise", "noise of an unknown output")
"""What the model's own error would tell more of."""
ORDER: tuple[Answer, ...] = ("same", "cannot tell", "differs")


def worst(answers: Iterable[Answer]) -> Answer:
    """The one that all of them together come to."""
    return ORDER[max((ORDER.index(answer) for answer in answers), default=0)]


def best(answers: Iterable[Answer]) -> Answer:
    """The one that any of them is enough for; without any nobody can tell."""
    return ORDER[min((ORDER.index(answer) for answer in answers), default=1)]


class JudgedFigure(Strict, frozen=True, kw_only=True):
    """A figure of one output, of the channel where it is worst.

    figure: its name, see docs/limits.md.
    channel: which class or channel; empty where the figure has only one.
    value: by the samples seen; null where no sample has a part in it.
    low, high: what is surely reached and surely not exceeded; null where that is not known.
    same: up to this it counts as the same.
    differs: beyond this as different, between the two the answers alone cannot tell; null where it
        never differs by this figure alone.
    why: where these limits come from.
    events: samples that have a part in it.
    answer: by this figure alone.
    needed: about how many samples would decide; null where none are needed or no number would do.
    """

    figure: str
    channel: str
    value: float | None
    low: float | None
    high: float | None
    same: float
    differs: float | None
    why: str
    events: int
    answer: Answer
    needed: int | None = None

    @property
    def beyond(self) -> bool:
        """Whether the value itself, whatever its interval, is one that differs."""
        if self.value is None or self.differs is None:
            return False
        return self.value > self.differs

    @property
    def waits(self) -> bool:
        """Whether people can say how large an error may be, and have not: its limit is that of any
        model, and there is room between it and what surely differs."""
        unsaid = any(self.figure == name and self.same == LIMITS[name].same for name in _OPEN)
        return unsaid and self.same != self.differs

    def likely(self, width: float) -> bool:
        """Whether it would be the same by samples that make the interval `width` times as wide and
        leave the value as it is; true also where people must say first how large an error is."""
        if not self.value or self.high is None or self.waits:
            return True
        return self.value + width * (self.high - self.value) <= self.same

    @property
    def share(self) -> float:
        """The value in shares of what counts as the same; infinite where it is not known."""
        return float("inf") if self.value is None else self.value / self.same


class OutputParity(Strict, frozen=True, kw_only=True):
    """One output of one variant on one engine.

    name: of the output, by the contract.
    answer: of all its figures.
    figures: those that decide, each where it is worst, the worst first; empty where the arrays
        cannot be compared.
    max_abs: largest absolute difference, which decides nothing; null where the shape differs or
        NaN or infinity was found.
    snr_db: of the worst channel, -10 log10(sum of difference squared / sum of the squared distance
        from its mean); null where exact.
    reason: why it is not the same, in words.
    """

    name: str
    answer: Answer
    figures: tuple[JudgedFigure, ...] = ()
    max_abs: float | None = None
    snr_db: float | None = None
    reason: str = ""

    @property
    def passed(self) -> bool:
        return self.answer == "same"

    @property
    def share(self) -> float:
        """Of its worst figure, see JudgedFigure; infinite where there is none."""
        return max((figure.share for figure in self.figures), default=float("inf"))
