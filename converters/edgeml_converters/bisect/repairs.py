"""What may bring a quantised variant nearer to its model, the likeliest first."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgeml.evidence import TensorFidelity
from edgeml.faults import Fault, Finding
from edgeml.manifest import Format, Precision
from edgeml_converters.bisect.around import Around


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
            around = Around(maker=culprit.name if form == "tflite" else "", takers=())
        found += _in_float(precision, culprit, around)
    if precision != "fp16" and not per_channel and not wrong_there:
        found.append(Repair("one scale a channel for the weights", per_channel=True))
    if precision == "int8":
        found += [Repair(f"calibrate by {name}", calibrator=name) for name in calibrators]
    return tuple(found)


def _in_float(precision: Precision, culprit: TensorFidelity, around: Around) -> Iterator[Repair]:
    """The op alone, then with those that take its answer: static int8 quantises it for them."""
    what = f"{culprit.op} of {culprit.source or culprit.name}"
    if around.maker:
        yield Repair(f"keep {what} in float", (around.maker,))
    takers = tuple(name for name in around.takers if name != around.maker)
    if precision == "int8" and takers:
        all_of_them = (around.maker, *takers) if around.maker else takers
        yield Repair(f"keep {what} and what takes its answer in float", all_of_them)
