"""The task metric of model and variant, and the difference between them."""

from edgeml.evidence import Task
from edgeml.parity import Array
from edgeml_converters.evidence.intervals import paired_bootstrap, wilson
from edgeml_converters.evidence.metrics import Metric
from edgeml_converters.formats.tensors import Arrays


def task(metric: Metric, answers: Arrays, expected: Arrays, labels: Array | None) -> Task:
    """Both scores and their paired difference, with bootstrap intervals; a share has Wilson's.

    answers: the variant's. expected: the model's. Raises InputError as Metric.bind does.
    """
    model = metric.bind(labels, expected)
    variant = metric.bind(labels, answers, like=expected)
    samples = len(next(iter(expected.values())))
    figures = [metric.figure(score, samples) for score in (model, variant)]
    ours, theirs, delta = paired_bootstrap(model, variant, samples, metric.resamples)
    if model.is_share and variant.is_share:
        ours, theirs = (wilson(round(figure * samples), samples) for figure in figures)
    return Task(metric=metric.name, output=model.output, model=ours, variant=theirs, delta=delta)
