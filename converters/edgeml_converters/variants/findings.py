"""What is to be said of a quantised file besides its parity."""

from collections.abc import Sequence
from pathlib import Path

from edgeml.faults import Fault, Finding
from edgeml.manifest import Format, Precision
from edgeml_converters.bisect.around import ops_of
from edgeml_converters.formats.tensors import Arrays, Ranges
from edgeml_converters.quantise.coverage import MIN_COVERAGE_PERCENT

_BEYOND = 0.1  # of the range: what is cut off less far is less than the noise of most files
_MOST_IN_FLOAT = 0.5  # of the weights


def computed_in_float(
    form: Format, float_entry: Path, float_activations: Sequence[str]
) -> list[Finding]:
    """A warning where most weights are int8 in the file alone, and no integers are computed with.

    float_activations: the operators with int8 weights that take and give floats.
    """
    if not float_activations:
        return []
    ops = [op for op in ops_of(form, float_entry) if op.weights]
    in_float = [op for op in ops if op.name in float_activations]
    share = sum(op.weights for op in in_float) / sum(op.weights for op in ops)
    if share <= _MOST_IN_FLOAT:
        return []
    return [
        Finding(
            fault=Fault.COMPUTED_IN_FLOAT,
            severity="warning",
            message=f"{100 * share:.0f} % of the weights are int8 in the file alone and computed "
            "with as floats, since nothing less says what the model says: it is smaller and not "
            "faster, and nothing for an accelerator of integers; for that, train with "
            "quantisation.",
        )
    ]


def low_coverage(precision: Precision, coverage: float) -> Finding:
    return Finding(
        fault=Fault.LOW_COVERAGE,
        severity="error",
        message=f"Only {coverage:.1f} % of the weights' bytes are {precision} where at least "
        f"{MIN_COVERAGE_PERCENT:.0f} % make it worth its name; choose another precision.",
    )


def outside_calibration(ranges: Ranges, inputs: Arrays) -> list[Finding]:
    """Warnings of inputs that go beyond the calibrated range by more than a tenth of it."""
    findings: list[Finding] = []
    for name, array in inputs.items():
        if name not in ranges:
            continue
        low, high = ranges[name]
        least, most = float(array.min()), float(array.max())
        if max(low - least, most - high) > _BEYOND * (high - low):
            findings.append(
                Finding(
                    fault=Fault.OUTSIDE_CALIBRATION,
                    severity="warning",
                    message=f"The samples that prove go from {least:.3g} to {most:.3g} in "
                    f"{name!r}, but int8 was calibrated on {low:.3g} to {high:.3g} and cuts off "
                    "what is beyond; give more samples, or --calibration-data that holds the "
                    "extremes.",
                    where=name,
                )
            )
    return findings
