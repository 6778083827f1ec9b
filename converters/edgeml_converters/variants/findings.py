"""What is to be said of a quantised file besides its parity."""

from collections.abc import Sequence
from pathlib import Path

from edgeml.faults import Fault, Finding
from edgeml.manifest import Format, Precision
from edgeml_converters.formats.ops import ops_of, weights_of
from edgeml_converters.quantise.coverage import MIN_COVERAGE_PERCENT

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
    share = weights_of(in_float) / weights_of(ops)
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
