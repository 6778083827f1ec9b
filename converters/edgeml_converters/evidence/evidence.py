"""All figures of one variant on one engine."""

from collections.abc import Mapping

import numpy as np

from edgeml.evidence import Evidence
from edgeml.parity import Array
from edgeml_converters.evidence.arrays import comparable
from edgeml_converters.evidence.metrics import Metric
from edgeml_converters.evidence.outputs import output_evidence
from edgeml_converters.evidence.slices import slices
from edgeml_converters.evidence.task import task
from edgeml_converters.formats.tensors import Arrays


def evidence(
    found: Arrays,
    expected: Arrays,
    labels: Array | None = None,
    slice_by: tuple[str, Array] | None = None,
    metric: Metric | None = None,
    int8_scales: Mapping[str, float] | None = None,
) -> Evidence:
    """Figures of the variant's answers `found` against the model's `expected`, both by output.

    slice_by: a key and its value for each sample. int8_scales: by output, where it is int8.
    An output that is missing, of another shape or without any finite value has no figures; unless
    every answer is there and finite, no task metric is asked either. The invariants are empty:
    invariants.invariants finds them out. Raises InputError as slices and task do.
    """
    scales = int8_scales or {}
    rows = tuple(
        output_evidence(name, found[name], array, labels, scales.get(name))
        for name, array in expected.items()
        if name in found and comparable(found[name], array)
    )
    whole = all(
        name in found and found[name].shape == array.shape and np.isfinite(found[name]).all()
        for name, array in expected.items()
    )
    asked = metric if whole else None
    chosen = {name: found[name] for name in expected if name in found}
    return Evidence(
        outputs=rows,
        slices=slices(*slice_by, chosen, expected, labels, asked) if slice_by and rows else (),
        task=None if asked is None else task(asked, chosen, expected, labels),
    )
