"""Confusion matrices: what the model and its variants answered for each true class."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgeml_converters.evidence.labels import NO_CLASS, known_classes
from edgeml_converters.formats.tensors import Array
from edgeml_converters.report.samples import Samples

MODEL = "the model"
CLASSES_MAX = 24  # a larger matrix is a list of its most frequent errors
_ERRORS = 20


@dataclass(frozen=True)
class Cell:
    """count: samples of one true class with one answer; share: of that class's samples.

    more: how many more than the model has.
    """

    count: int
    more: int
    share: float


@dataclass(frozen=True)
class Confusion:
    """names: the model and variants that answered so, in words.

    rows: by true class, empty where there are too many. errors: (true class, answer, count), the
    most frequent first, where there are too many.
    """

    output: str
    names: str
    accuracy: float
    rows: tuple[tuple[Cell, ...], ...]
    errors: tuple[tuple[int, int, int], ...]


def confusions(samples: Samples) -> tuple[Confusion, ...]:
    """The model's first, then those of variants that differ; empty without labels of classes."""
    classified = next(_classified(samples), None)
    if classified is None:
        return ()
    output, truth, count = classified
    grouped: dict[bytes, tuple[_Cells, list[str]]] = {}
    for name, answers in ((MODEL, samples.expected), *samples.answers.items()):
        if output in answers and answers[output].shape == samples.expected[output].shape:
            cells = _Cells.of(truth, answers[output], count)
            grouped.setdefault(cells.key, (cells, []))[1].append(name)
    reference = next(iter(grouped.values()))[0]
    return tuple(
        Confusion(
            output=output,
            names=_names(names, grouped),
            accuracy=cells.accuracy,
            rows=_rows(cells.matrix, reference.matrix) if count <= CLASSES_MAX else (),
            errors=() if count <= CLASSES_MAX else cells.errors[:_ERRORS],
        )
        for cells, names in grouped.values()
    )


@dataclass(frozen=True)
class _Cells:
    """The cells of a confusion matrix that hold anything: those of a large vocabulary are few.

    places: true class * count + answer, in order. times: how often each occurred.
    """

    places: Array
    times: Array
    count: int

    @classmethod
    def of(cls, truth: Array, answers: Array, count: int) -> "_Cells":
        labelled = truth != NO_CLASS
        answered = np.nan_to_num(answers[labelled]).argmax(axis=1)
        places, times = np.unique(truth[labelled] * count + answered, return_counts=True)
        return cls(places, times, count)

    @property
    def key(self) -> bytes:
        return self.places.tobytes() + self.times.tobytes()

    @property
    def accuracy(self) -> float:
        right = self.places // self.count == self.places % self.count
        return float(self.times[right].sum() / max(1, self.times.sum()))

    @property
    def matrix(self) -> Array:
        """By true class and answer; for few classes."""
        matrix = np.zeros(self.count * self.count, np.intp)
        matrix[self.places] = self.times
        return matrix.reshape(self.count, self.count)

    @property
    def errors(self) -> tuple[tuple[int, int, int], ...]:
        """(true class, answer, count), the most frequent first."""
        order = np.argsort(-self.times, kind="stable")
        cells = (
            (*divmod(int(self.places[cell]), self.count), int(self.times[cell])) for cell in order
        )
        return tuple((truth, answer, times) for truth, answer, times in cells if truth != answer)


def _names(names: list[str], grouped: dict[bytes, Any]) -> str:
    if len(grouped) == 1 and len(names) > 2:
        return f"{MODEL} and all its variants"
    return ", ".join(names)


def _classified(samples: Samples) -> Iterator[tuple[str, Array, int]]:
    """Outputs whose classes the labels are: name, true class of each sample, number of classes."""
    for name, array in samples.expected.items():
        if array.ndim == 2 and array.shape[1] > 1:
            truth = known_classes(samples.labels, array.shape[:1], array.shape[1])
            if truth is not None:
                yield name, truth, array.shape[1]


def _rows(matrix: Array, reference: Array) -> tuple[tuple[Cell, ...], ...]:
    totals = np.maximum(1, matrix.sum(axis=1))
    return tuple(
        tuple(
            Cell(int(count), int(count - before), round(float(count / total), 3))
            for count, before in zip(row, base, strict=True)
        )
        for row, base, total in zip(matrix, reference, totals, strict=True)
    )
