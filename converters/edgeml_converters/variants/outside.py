"""Inputs that go beyond what int8 was calibrated on."""

from edgeml.faults import Fault, Finding
from edgeml_converters.formats.tensors import Arrays, Ranges

_BEYOND = 0.1  # of the range: what is cut off less far is less than the noise of most files
_KEEPS_ALL = "minmax"


def outside_calibration(
    ranges: Ranges, inputs: Arrays, calibrator: str | None
) -> tuple[Finding, ...]:
    """Warnings of inputs that go beyond their range by more than a tenth of it.

    ranges: of the inputs that the file rounds. calibrator: which found them; all others than minmax
    leave out extremes that they have seen.
    """
    findings: list[Finding] = []
    for name in sorted(inputs.keys() & ranges.keys()):
        low, high = min(ranges[name][0], 0.0), max(ranges[name][1], 0.0)  # int8 always has 0
        least, most = float(inputs[name].min()), float(inputs[name].max())
        if max(low - least, most - high) > _BEYOND * (high - low):
            way_out = "give more samples, or --calibration-data that holds the extremes"
            if calibrator != _KEEPS_ALL:
                way_out += f", or keep all that is seen by --calibrator {_KEEPS_ALL}"
            findings.append(
                Finding(
                    fault=Fault.OUTSIDE_CALIBRATION,
                    severity="warning",
                    message=f"The samples that prove go from {least:.3g} to {most:.3g} in "
                    f"{name!r}, but int8 was calibrated on {low:.3g} to {high:.3g} and cuts off "
                    f"what is beyond; {way_out}.",
                    where=name,
                )
            )
    return tuple(findings)
