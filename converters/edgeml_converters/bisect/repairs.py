"""What may bring a quantised variant nearer to its model, the likeliest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgeml.evidence import TensorFidelity
from edgeml.faults import Fault, Finding
from edgeml.manifest import Format, Precision
from edgeml_converters.bisect.around import Around
from edgeml_converters.bisect.names import tail


@dataclass(frozen=True)
class Repair:
    """One change of how a file is quantised; None and () leave that as it is.

    action: in words. keep_float: to be added to messages.Quantise.keep_float.
    """

    action: str
    keep_float: tuple[str, ...] = ()
    per_channel: bool | None = None
    calibrator: str | None = None


def repairs(
    form: Format,
    precision: Precision,
    culprit: TensorFidelity | None,
    findings: Sequence[Finding],
    per_channel: bool,
    *,
    around: Around | None = None,
    calibrators: Sequence[str] = (),
) -> tuple[Repair, ...]:
    """What to try, in this order; nothing for fp32, whose repair is another route.

    culprit: where the signal to noise drops. per_channel: how the weights are quantised now.
    around: the ops around the culprit; without it an .onnx file names none to leave in float.
    calibrators: those of static int8 that were not tried yet.
    """
    if precision == "fp32":
        return ()
    found: list[Repair] = []
    wrong_there = any(finding.fault is Fault.PER_CHANNEL_DYNAMIC_FC for finding in findings)
    if wrong_there and per_channel:
        found.append(Repair("one scale a tensor for the weights", per_channel=False))
    if culprit is not None:
        if around is None:
            around = Around(maker=culprit.name if form == "tflite" else "")
        found += _in_float(precision, culprit, around)
    if precision != "fp16" and not per_channel and not wrong_there:
        found.append(Repair("one scale a channel for the weights", per_channel=True))
    if precision == "int8":
        found += [Repair(f"calibrate by {name}", calibrator=name) for name in calibrators]
    return tuple(found)


def _in_float(precision: Precision, culprit: TensorFidelity, around: Around) -> Iterator[Repair]:
    """The op alone, then with its neighbours: static int8 rounds what passes between them too."""
    what = f"{culprit.op} of {culprit.source or tail(culprit.name)}"
    kept = (around.maker,) if around.maker else ()
    if kept:
        yield Repair(f"keep {what} in float", kept)
    if precision != "int8":
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
