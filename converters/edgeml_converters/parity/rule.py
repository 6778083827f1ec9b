"""What outputs are judged by: their roles, the precision, and what people allow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from math import inf, nan
from typing import get_args

import numpy as np
import numpy.typing as npt

from edgeml.errors import InputError
from edgeml.parity.axes import Pair
from edgeml.parity.blocks import chunks
from edgeml.parity.figures import Array, Figure, Requirement
from edgeml.parity.limits import SAMPLES_LEAST, SAMPLES_LEAST_FP32, UNEQUAL_FP32, Limit, Name
from edgeml.parity.noise import of_state
from edgeml.parity.requirements import requirements, rounding
from edgeml.parity.roles import Role, channel_axis
from edgeml.parity.words import in_decibel, role_text
from edgeml_converters.formats.tensors import Arrays
from edgeml_converters.parity.own import OwnComparison
from edgeml_converters.roles.given import Roles
from edgeml_converters.roles.states import states_of
from edgeml_converters.roles.sure import SURE, positions_of_boxes, sure_boxes

_WHY = "--tolerance"


@dataclass(frozen=True)
class Rule:
    """roles: of the outputs, by the contract's names; an output without any is unknown.

    exact: at float32 nothing but rounding may differ. exported: the file is the exporter's own, and
    nothing was quantised here. allowed: output and figure -> the limit that
    people set in place of the rule's. own: what decides in place of all figures. asked_again: of
    each output, what the model answered to a few samples among all and in a smaller batch. attempt:
    see `deciding.decide`.
    """

    roles: Roles = field(default_factory=dict[str, tuple[Role, ...]])
    exact: bool = False
    allowed: Mapping[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    own: OwnComparison | None = None
    asked_again: Mapping[str, Pair] = field(default_factory=dict[str, Pair])
    exported: bool = False
    attempt: int = 1

    @property
    def least(self) -> int:
        """Below so many samples nothing is the same."""
        return SAMPLES_LEAST_FP32 if self.exact else SAMPLES_LEAST

    @property
    def allowed_by_text(self) -> dict[str, float]:
        """By `output:figure`, as documents have it."""
        return {f"{name}:{figure}": limit for (name, figure), limit in self.allowed.items()}

    def varies_by(self, name: str) -> float:
        """The largest difference between the model's own answers to the same samples."""
        pair = self.asked_again.get(name)
        return 0.0 if pair is None else max_abs(*pair)

    def class_axes(self, outputs: Arrays) -> dict[str, int]:
        """Of the outputs with classes, where all of the output is of that role."""
        return {
            name: axis
            for name, (role, *others) in self.roles.items()
            if role.kind in ("logits", "probabilities") and not others
            if (axis := channel_axis(role, outputs[name].shape)) is not None
        }

    def requirements(
        self, name: str, answered: Array, expected: Array, others: Arrays
    ) -> list[Requirement]:
        """What must hold of one output, the sample first; others: all of the model's outputs.

        Raises ValueError where the output cannot have its role.
        """
        required: list[Requirement] = []
        for role in self.roles.get(name, ()) or (Role(),):
            if self.exact and expected.dtype.kind == "f":
                again = self.asked_again.get(name)
                kind = role.kind if len(self.roles.get(name, ())) == 1 else "unknown"
                exactly = rounding(expected, answered, role.axis, again, kind)
                return self._allowed(name, [exactly])
            if expected.dtype.kind == "f" and self._shows_in_others(role, others):
                required.append(of_state(expected, answered))
                continue
            sure = self._sure_boxes(name, role, others) if role.kind == "boxes" else None
            required += _counted_from(role.start, requirements(role, expected, answered, sure))
        if self.exact:  # alike for every sample, so that a few show it
            required = [
                tuple(replace(f, limit=UNEQUAL_FP32.get(f.name, f.limit), counts=False) for f in of)
                for of in required
            ]
        return self._allowed(name, required)

    def check_figures(self, outputs: Arrays) -> None:
        """Raises InputError for a limit of a figure that an output, by its roles, is not asked for;
        outputs: the model's answers."""
        few = {name: array[:SAMPLES_LEAST_FP32] for name, array in outputs.items()}
        for name, figure in self.allowed:
            try:
                required = self.requirements(name, few[name], few[name], few)
            except ValueError:  # which its verdict will say
                continue
            asked = {f.name for of in required for f in of}
            asked |= {"rounding"} if few[name].dtype.kind == "f" else set()
            if figure not in asked:
                known = ", ".join(sorted(one.replace(" ", "-") for one in asked))
                raise InputError(
                    f"--tolerance names {figure.replace(' ', '-')} of {name!r}, which is taken for "
                    f"{role_text(self.roles.get(name, (Role(),)))} and judged by {known}; use one "
                    "of these, or say what it is by --output."
                )

    def _shows_in_others(self, role: Role, others: Arrays) -> bool:
        """Whether what comes of a state is seen in outputs that are none, and nobody said how exact
        it must be. Decision 12 has the figures."""
        if role.kind != "state" or not role.input or role.error is not None:
            return False
        states = states_of(self.roles)
        return any(
            name not in states and bool((array != array[:1]).any())
            for name, array in others.items()
        )

    def _sure_boxes(self, name: str, role: Role, others: Arrays) -> npt.NDArray[np.bool_] | None:
        """[samples, boxes], by the output that the role names or else by the boxes' own; None where
        there are no scores."""
        scores = role.scores or name
        roles = self.roles.get(scores, ())
        if not role.scores and not any(one.kind in SURE for one in roles):
            return None
        return sure_boxes(scores, roles, others, positions_of_boxes(role, others[name].shape))

    def _allowed(self, name: str, required: list[Requirement]) -> list[Requirement]:
        return [tuple(self._with_limit(name, figure) for figure in of) for of in required]

    def _with_limit(self, name: str, figure: Figure) -> Figure:
        limit = self.allowed.get((name, figure.name))
        return figure if limit is None else replace(figure, limit=Limit(limit, limit, _WHY))


def _counted_from(start: int, required: list[Requirement]) -> list[Requirement]:
    """Channels by their place in the output, where figures count them from the role's first."""
    return [
        tuple(
            figure
            if figure.columns or figure.numerators.shape[1] < 2
            else replace(
                figure, columns=tuple(f"{start + i}" for i in range(figure.numerators.shape[1]))
            )
            for figure in alternatives
        )
        for alternatives in required
    ]


def max_abs(expected: Array, answered: Array) -> float:
    """The largest difference where the model's answer is finite."""
    largest = 0.0
    for rows in chunks(expected):
        a, b = answered[rows].astype(np.float64), expected[rows].astype(np.float64)
        finite = np.isfinite(b)
        with np.errstate(over="ignore"):
            off = np.where(finite, a, 0.0) - np.where(finite, b, 0.0)
        largest = max(largest, float(np.abs(off).max(initial=0.0)))
    return min(largest, float(np.finfo(np.float64).max))


def parse_allowed(texts: Sequence[str]) -> dict[tuple[str, str], float]:
    """NAME:FIGURE=VALUE, a figure's blanks as dashes or as they are; noise as a share or in dB.

    Raises InputError for what is no figure or no positive number.
    """
    allowed: dict[tuple[str, str], float] = {}
    for text in texts:
        left, _, value = text.rpartition("=")
        name, _, figure = left.rpartition(":")
        figure = figure.replace("-", " ")
        if not name or figure not in get_args(Name):
            figures = ", ".join(known.replace(" ", "-") for known in get_args(Name))
            near = get_close_matches(figure, get_args(Name), 1)
            meant = f"; did you mean {near[0].replace(' ', '-')}?" if near and name else "."
            raise InputError(
                f"--tolerance {text!r} must be NAME:FIGURE=VALUE, with an output's name and a "
                f"figure of {figures}{meant}"
            )
        allowed[name, figure] = _limit(text, figure, value)
    return allowed


def _limit(text: str, figure: str, value: str) -> float:
    noise, lower = in_decibel(figure), value.strip().lower()
    decibels = noise and lower.endswith("db")
    try:
        number = float(lower.removesuffix("db") if decibels else value)
    except ValueError:
        number = nan
    share = 10 ** (-max(number, 0.0) / 10) if decibels else number
    if 0 < share < (1 if noise else inf):
        return share
    may_be = "a share of the spread between 0 and 1, or in decibels above 0, as 20dB"
    raise InputError(
        f"--tolerance {text!r}: {value!r} is no limit of {figure.replace(' ', '-')}, which is "
        f"{may_be if noise else 'a number above 0'}."
    )


def check_allowed(allowed: Mapping[tuple[str, str], float], outputs: Sequence[str]) -> None:
    """Raises InputError for a limit of an output that there is not."""
    for name, _ in allowed:
        if name not in outputs:
            raise InputError(
                f"--tolerance names {name!r}, but the model's outputs are {', '.join(outputs)}; "
                "use one of them."
            )
