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
    answers: Arrays,
    expected: Arrays,
    labels: Array | None = None,
    slice_by: tuple[str, Array] | None = None,
    metric: Metric | None = None,
    int8_scales: Mapping[str, float] | None = None,
    class_axes: Mapping[str, int] | None = None,
) -> Evidence:
    """Figures of the variant's `answers` against the model's, `expected`; both by output.

    slice_by: a key and its value for each sample. int8_scales: by output, where it is int8.
    class_axes: of the outputs that have classes; None: the last axis of each.
    An output that is missing, of another shape or without any finite value has no figures. The
    task metric is left out unless every output is there and finite. The invariants stay empty:
    parity.invariants finds them out. Raises InputError as slices and task do.
    """
    scales = int8_scales or {}
    rows = tuple(
        output_evidence(
            name,
            answers[name],
            array,
            labels,
            scales.get(name),
            class_axis=-1 if class_axes is None else class_axes.get(name),
        )
        for name, array in expected.items()
        if name in answers and comparable(answers[name], array)
    )
    complete = all(
        name in answers and answers[name].shape == array.shape and np.isfinite(answers[name]).all()
        for name, array in expected.items()
    )
    metric_asked = metric if complete else None
    chosen = {name: answers[name] for name in expected if name in answers}
    return Evidence(
        outputs=rows,
        slices=slices(*slice_by, chosen, expected, labels, metric_asked, class_axes)
        if slice_by and rows
        else (),
        task=None if metric_asked is None else task(metric_asked, chosen, expected, labels),
    )
