"""The task's own metric: what --metric may be, and what it needs."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeml.errors import InputError
from edgeml.parity import Array
from edgeml_converters.evidence import scores
from edgeml_converters.evidence.callables import import_callable, named, reason
from edgeml_converters.evidence.intervals import RESAMPLES, Rows
from edgeml_converters.evidence.scores import Score
from edgeml_converters.formats.tensors import Arrays

_BUILT_IN: dict[str, Callable[[Array, Arrays, Arrays], Score]] = {
    "accuracy": scores.accuracy,
    "f1": scores.f1,
    "auc": scores.auc,
    "mae": scores.mae,
}
FORMS = f"{', '.join(_BUILT_IN)} or module:callable"
# A callable of somebody else's may take 10 ms.
_RESAMPLES_OF_CALLABLE = 200


@dataclass(frozen=True)
class Metric:
    """name: as it was given. resamples: how many the bootstrap draws. added: whether it is people's
    own, which runs in the command's process."""

    name: str
    make: Callable[[Array, Arrays, Arrays], Score]
    resamples: int = RESAMPLES
    added: bool = False

    def bind(self, labels: Array | None, answers: Arrays, like: Arrays | None = None) -> Score:
        """The metric of `answers` as a function of rows; labels: first axis the sample.

        like: the model's own answers, which show whether outputs are probabilities or logits; None
        where `answers` are the model's own. Raises InputError when labels or answers do not fit.
        """
        if labels is None:
            raise InputError(
                f"{self.name} needs the true answers; save them as 'labels' in the data file."
            )
        lengths = {name: len(array) for name, array in answers.items()}
        if not lengths or {len(labels)} != set(lengths.values()) or not len(labels):
            counts = ", ".join(f"{length} rows in {name}" for name, length in lengths.items())
            raise InputError(
                f"{self.name} needs a label for every sample, but there are {len(labels)} labels "
                f"for {counts or 'no outputs'}; save one for each."
            )
        for name, array in answers.items():
            if not np.isfinite(array).all():
                raise InputError(
                    f"{self.name} needs finite answers, but {name!r} holds NaN or infinity; mend "
                    "the model."
                )
        return self.make(labels, answers, answers if like is None else like)

    def score(self, labels: Array | None, answers: Arrays, like: Arrays | None = None) -> float:
        """The metric over all samples; raises InputError as `bind` and `figure` do."""
        return self.figure(self.bind(labels, answers, like), len(next(iter(answers.values()))))

    def figure(self, score: Score, samples: int) -> float:
        """`score` over all samples; raises InputError where it has no figure."""
        value = score(np.arange(samples))
        if value is None:
            raise InputError(
                f"{self.name} has no figure over these {samples} samples; give more varied data "
                "(auc needs two classes) or choose another metric."
            )
        return value


def parse(text: str) -> Metric:
    """What `text` on the command line names; raises InputError when it is no metric.

    A module is looked for in the current folder first. Its callable takes (labels, answers), arrays
    whose first axis is the sample, answers by the output's name, and returns a float; NaN where
    the samples have no figure.
    """
    if text in _BUILT_IN:
        return Metric(text, _BUILT_IN[text])
    if not named(text):
        raise InputError(f"{text!r} is no metric; it is {FORMS}, the module without .py.")
    function = import_callable(text, "metric", "(labels, answers) that returns a float")

    def make(labels: Array, answers: Arrays, like: Arrays) -> Score:
        def score(rows: Rows) -> float | None:
            chosen = {name: array[rows] for name, array in answers.items()}
            return _call(text, function, labels[rows], chosen)

        return Score(score)

    return Metric(text, make, _RESAMPLES_OF_CALLABLE, added=True)


def _call(text: str, function: Callable[..., Any], labels: Array, answers: Arrays) -> float | None:
    try:
        value = float(function(labels, answers))
    except Exception as error:  # a callable of somebody else's raises what it likes
        raise InputError(
            f"The metric {text} failed on {len(labels)} samples ({type(error).__name__}: "
            f"{reason(error)}); it takes (labels, answers by output) and returns a float, NaN "
            "where the samples have no figure."
        ) from error
    return value if math.isfinite(value) else None
