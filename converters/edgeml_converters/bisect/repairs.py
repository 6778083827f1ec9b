"""What may bring a quantised variant nearer to its model, the likeliest first."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from edgeml.evidence import TensorFidelity
from edgeml.faults import Fault, Finding
from edgeml.manifest import Format, Precision
from edgeml_converters.bisect.around import Around
from edgeml_converters.bisect.names import tail
from edgeml_converters.plugins import asking, check_sentence, plugins


@dataclass(frozen=True)
class Damage:
    """What is known of a variant that does not say the same.

    culprit: the tensor at which the signal to noise drops. findings: what is wrong with the file.
    per_channel: how its weights are quantised now. around: the ops around the culprit; without it
    no op of an .onnx file can be named to stay in float.
    """

    format: Format
    precision: Precision
    culprit: TensorFidelity | None
    findings: Sequence[Finding]
    per_channel: bool
    around: Around | None = None

    @property
    def computed_wrongly(self) -> bool:
        """Whether an engine computes it wrongly because its weights have one scale a channel."""
        return any(f.fault is Fault.PER_CHANNEL_DYNAMIC_FC for f in self.findings)


@dataclass(frozen=True)
class Repair:
    """One change of how a file is quantised; None and () leave that as it is.

    action: in words. keep_float: to be added to messages.Quantise.keep_float.
    """

    action: str
    keep_float: tuple[str, ...] = ()
    per_channel: bool | None = None
    calibrator: str | None = None

    def __post_init__(self) -> None:
        check_sentence(self.action)


@dataclass(frozen=True)
class RepairRule:
    """propose: repairs for a damage, the likeliest first; none where it knows no help."""

    propose: Callable[[Damage], Iterable[Repair]]


def repairs(damage: Damage) -> tuple[Repair, ...]:
    """What to try, in this order; nothing for fp32, whose repair is another route.

    Raises ConversionError where a rule of another package fails.
    """
    if damage.precision == "fp32":
        return ()
    proposed = [repair for propose in _RULES for repair in propose(damage)]
    for name, rule in plugins("repairs", RepairRule).items():
        with asking("repairs", name):
            for repair in cast(Iterable[object], rule.propose(damage)):
                if not isinstance(repair, Repair):
                    raise TypeError(f"it proposes {repair!r} where a Repair is expected")
                proposed.append(repair)
    return tuple(proposed)


def _one_scale_a_tensor(damage: Damage) -> Iterator[Repair]:
    if damage.computed_wrongly and damage.per_channel:
        yield Repair("one scale a tensor for the weights", per_channel=False)


def _too_new(damage: Damage) -> Iterator[Repair]:
    """What an installed engine does not know in this precision, all at once."""
    if damage.format != "tflite":
        return
    places = [f.where for f in damage.findings if f.fault is Fault.OP_VERSION and f.where]
    if places:
        what = "an operator" if len(places) == 1 else f"{len(places)} operators"
        yield Repair(f"keep {what} in float that an engine does not know in it", tuple(places))


def _in_float(damage: Damage) -> Iterator[Repair]:
    """The op alone, then with its neighbours: static int8 also rounds what passes between them."""
    culprit, around = damage.culprit, damage.around
    if culprit is None:
        return
    if around is None:
        around = Around(maker=culprit.name if damage.format == "tflite" else "")
    what = f"{culprit.op} of {culprit.source or tail(culprit.name)}"
    kept = (around.maker,) if around.maker else ()
    if kept:
        yield Repair(f"keep {what} in float", kept)
    if damage.precision != "int8":
        return
    steps = {
        f"keep {what} and what gives to it in float": around.givers,
        f"keep {what} and its neighbours in float": around.takers,
    }
    for action, more in steps.items():
        wider = tuple(dict.fromkeys((*kept, *more)))
        if wider != kept:
            yield Repair(action, wider)
        kept = wider


def _one_scale_a_channel(damage: Damage) -> Iterator[Repair]:
    if damage.precision != "fp16" and not damage.per_channel and not damage.computed_wrongly:
        yield Repair("one scale a channel for the weights", per_channel=True)


_RULES = (_one_scale_a_tensor, _too_new, _in_float, _one_scale_a_channel)
