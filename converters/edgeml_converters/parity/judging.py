"""The answer on every output of a variant: by the figures of its roles, and in words."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from msgspec.structs import replace

from edgeml.parity.answers import Answer, JudgedFigure, OutputParity
from edgeml.parity.figures import Array, Requirement
from edgeml.parity.limits import LIMITS
from edgeml.parity.noise import noise, spread
from edgeml.parity.requirements import arranged, fault
from edgeml.parity.roles import Kind, Role, channel_axis
from edgeml.parity.words import allowed, found
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.parity.deciding import Column, decide, looks
from edgeml_converters.parity.rule import Rule, max_abs


def judge(answers: Arrays, expected: Arrays, rule: Rule) -> tuple[OutputParity, ...]:
    """Every output of `expected`, the model's; the first axis is the sample.

    What cannot be judged as its role says, because of its shape, cannot be told.
    """
    samples = len(next(iter(expected.values())))

    def required(name: str) -> list[Requirement]:
        return rule.requirements(name, answers[name], expected[name], expected)

    return judge_by(answers, expected, rule, required, Units(rule.least, samples, samples))


@dataclass(frozen=True)
class Units:
    """What the parts of a figure are of. least: below so many samples nothing is the same.

    parts: how many a figure has, each a sample, or a run of steps that follow one another.
    """

    least: int
    parts: int
    samples: int


def judge_by(
    answers: Arrays,
    expected: Arrays,
    rule: Rule,
    required: Callable[[str], list[Requirement]],
    units: Units,
) -> tuple[OutputParity, ...]:
    """As `judge`, by what is `required` of each output, which may raise ValueError."""
    judged = {
        name: _Judged(name, answers[name], expected[name], rule, partial(required, name), units)
        for name in expected
    }
    looked_at = sum(one.looks for one in judged.values())
    found = tuple(one.parity(looked_at) for one in judged.values())
    # One constant proves nothing, but beside outputs that vary it is what that output is.
    beside = any(units.samples >= units.least and not one.constant for one in judged.values())
    return tuple(
        one.beside_others(parity) if beside else one.alone(parity)
        for parity, one in zip(found, judged.values(), strict=True)
    )


def worst_channel_db(model: Array, variant: Array, role: Role) -> float | None:
    """-10 log10 of the noise in shares of the channel's own spread, of the worst one; None where
    exact, and where every channel is constant."""
    figure = noise("noise", arranged(role, model), arranged(role, variant), LIMITS["noise"])
    values = figure.values[np.isfinite(figure.values)]
    worst = float(values.max(initial=0.0))
    return None if worst == 0.0 else float(-10 * np.log10(worst))


class _Judged:
    """One output. looks: at how many figures."""

    def __init__(
        self,
        name: str,
        answered: Array,
        expected: Array,
        rule: Rule,
        required: Callable[[], list[Requirement]],
        units: Units,
    ) -> None:
        self._name, self._answered, self._expected = name, answered, expected
        self._rule = rule
        self._units = units
        self._fault = fault(self._expected, answered)
        self._cannot = ""
        self._required: list[Requirement] = []
        if self._fault is None:
            try:
                self._required = required()
            except ValueError as error:
                self._cannot = f"{error}; say what {name!r} is by --output"
        self.looks = looks(self._required)

    def parity(self, looked_at: int) -> OutputParity:
        if self._fault is not None:
            return OutputParity(
                name=self._name,
                answer="differs",
                reason=f"it gives {self._fault} in {self._name!r}",
            )
        units = self._units
        decision = decide(
            self._required,
            units.parts,
            0 if units.samples >= units.least else units.parts + 1,
            looked_at,
            seen_is_enough=self._rule.exact,
            attempt=self._rule.attempt,
        )
        answer: Answer = "cannot tell" if self._cannot else decision.answer
        figures = tuple(_worst_of_each(decision.columns))
        if answer == "cannot tell" and not self._cannot and self._is_another_constant(figures):
            answer = "differs"
        reason = "" if answer == "same" else self._reason(figures, answer)
        if self._rule.own is not None:
            said = self._rule.own(self._name, self._answered, self._expected)
            answer = "same" if said is None else "differs"
            reason = "" if said is None else f"{self._name!r} differs: {said}"
        return OutputParity(
            name=self._name,
            answer=answer,
            figures=figures,
            max_abs=max_abs(self._expected, self._answered),
            snr_db=self._snr_db(),
            reason=reason,
        )

    @property
    def constant(self) -> bool:
        """Whether the model gives one answer to every sample."""
        return bool((self._expected == self._expected[:1]).all())

    def beside_others(self, parity: OutputParity) -> OutputParity:
        """Of all samples, where other outputs vary: one constant is then the same as itself."""
        if self.constant and parity.answer == "cannot tell" and parity.max_abs == 0:
            return replace(parity, answer="same", reason="")
        return parity

    def alone(self, parity: OutputParity) -> OutputParity:
        """Where no output varies: that one answer is the same tells of no other."""
        if not self.constant or parity.answer != "same" or self._rule.own is not None:
            return parity
        reason = (
            f"{self._name!r} may or may not be the same: the model gives one answer to all "
            "samples; give samples in which it varies"
        )
        return replace(parity, answer="cannot tell", reason=reason)

    def _is_another_constant(self, figures: tuple[JudgedFigure, ...]) -> bool:
        """Whether there is no spread to judge by, and the difference is not small beside the
        model's own magnitude either."""
        if any(figure.value is not None for figure in figures) or not self._expected.size:
            return False
        if spread(arranged(Role(axis=self._axis()), self._expected)).any():
            return False  # the model's answers do vary, but none counts by its role
        share = np.sqrt(LIMITS["rounding" if self._rule.exact else "noise"].differs)
        model = np.abs(self._expected.astype(np.float64))
        magnitude = float(model.max(initial=0.0, where=np.isfinite(model)))
        return bool(max_abs(self._expected, self._answered) > share * magnitude)

    def _snr_db(self) -> float | None:
        if self._expected.dtype.kind != "f" or not self._expected.size:
            return None
        return worst_channel_db(self._expected, self._answered, Role(axis=self._axis()))

    def _axis(self) -> int | None:
        """Of the channels, as all of its roles have it."""
        return next((role.axis for role in self._rule.roles.get(self._name, ())), None)

    def _reason(self, figures: tuple[JudgedFigure, ...], answer: Answer) -> str:
        if answer == "differs" and all(figure.value is None for figure in figures):
            return f"{self._name!r} differs: it is not the one constant that the model gives"
        if answer == "differs":
            return f"{self._name!r} differs: {_words(figures[0])}"
        samples, least = self._units.samples, self._units.least
        if self._cannot:
            why = self._cannot
        elif samples < least:
            why = f"at least {least} samples can tell, and these are {samples}"
        else:
            roles = self._rule.roles.get(self._name, ())
            numbers = [role for role in roles if role.kind in _OF_NUMBERS]
            kind: Kind = numbers[0].kind if numbers else "regression"
            axis = channel_axis(Role(axis=self._axis()), self._expected.shape)
            error_known = any(role.error is not None for role in roles)
            wanted = _wanted(self._name, kind, figures[0], samples, axis, error_known)
            why = f"{_words(figures[0])}: {wanted}"
        return f"{self._name!r} may or may not be the same: {why}"


def _worst_of_each(columns: tuple[Column, ...]) -> Iterator[JudgedFigure]:
    seen: set[str] = set()
    for column in columns:  # the worst first
        if column.name not in seen:
            seen.add(column.name)
            yield _figure(column)


def _figure(column: Column) -> JudgedFigure:
    def known(number: float) -> float | None:
        return float(number) if np.isfinite(number) else None

    return JudgedFigure(
        figure=column.name,
        channel=column.column,
        value=known(column.value),
        low=known(column.low),
        high=known(column.high),
        same=column.limit.same,
        differs=known(column.limit.differs),
        why=column.limit.why,
        events=column.events,
        answer=column.answer,
        needed=column.needed,
    )


def _words(figure: JudgedFigure) -> str:
    where = f" in {channel_text(figure.channel)}" if figure.channel else ""
    if figure.value is None:
        return f"nothing shows {figure.figure}{where}"
    return f"{found(figure)}{where} where {allowed(figure)}"


def channel_text(channel: str) -> str:
    """A channel in words, which has a number or a name."""
    return f"channel {channel}" if channel.isdecimal() else channel


_OF_NUMBERS: tuple[Kind, ...] = ("image", "signal", "state")
_OF_SCORES = ("expected F1 lost of a score", "switched")


_HOPELESS = 20  # so many times the samples nobody gives: it is too near the limit


def _wanted(
    name: str, kind: Kind, figure: JudgedFigure, samples: int, axis: int | None, error_known: bool
) -> str:
    """What would decide.

    kind: of the output where that is numbers, else what it would be. axis: what is taken for that
    of its channels. error_known: whether people or labels tell the model's own error.
    """
    if figure.needed is not None and figure.needed <= _HOPELESS * samples:
        return f"about {figure.needed:,} samples would tell, and these are {samples:,}"
    if figure.figure == "noise of the probability":
        never_on = figure.differs is None
    else:
        never_on = figure.figure in _OF_SCORES and not figure.events
    if never_on:
        return "it is never on in these samples: give some in which it is"
    if not figure.events:
        return "give samples in which the model's answers vary more"
    _, on, other = figure.channel.partition(" on axis ")
    if on:  # a regression that names no axis is judged by this one too
        said = f"--output {name}={kind},axis="
        return f"say on which axis its channels are, {said}{axis} or {said}{other}"
    if figure.figure == "noise of an unknown output":
        return f"say what it is, as in --output {name}=regression,error=0.1"
    if figure.figure == "noise" and figure.same != figure.differs and not error_known:
        return (
            f"say how large the model's own error is, by labels or by --output "
            f"{name}={kind},error=0.1"
        )
    return "it is too near the limit to tell by these samples"
