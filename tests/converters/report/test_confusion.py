"""Confusion: which classes are taken for which."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from edgeml_converters.report.confusion import confusions
from edgeml_converters.report.html import render
from edgeml_converters.report.samples import Samples
from tests.converters.report import conversion_reports
from tests.converters.report.page import Page


def test_confusion_is_that_of_scikit_learn() -> None:
    samples = conversion_reports.samples("onnx-fp32", "tflite-int8")
    model, other = confusions(samples)
    assert model.names == "the model, onnx-fp32" and other.names == "tflite-int8"
    said = samples.answers["tflite-int8"]["logits"].argmax(axis=1)
    assert samples.labels is not None
    expected = confusion_matrix(samples.labels, said)
    assert [[cell.count for cell in row] for row in other.rows] == expected.tolist()
    assert sum(cell.more for row in other.rows for cell in row) == 0
    assert other.accuracy == pytest.approx((said == samples.labels).mean())


def test_a_large_vocabulary_needs_no_large_matrix() -> None:
    count = 50_000  # a whole matrix would have 20 GB
    expected = np.zeros((3, count), np.float32)
    expected[[0, 1, 2], [7, count - 1, 9]] = 1
    labels = np.array([7, count - 1, 8])
    (found,) = confusions(Samples(inputs={}, expected={"y": expected}, labels=labels))
    assert found.rows == () and found.errors == ((8, 9, 1),)
    assert found.accuracy == pytest.approx(2 / 3)


def test_many_classes_are_a_list_of_errors() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(400, 100)).astype(np.float32)
    truth = logits.argmax(axis=1)
    truth[:7], logits[:7] = 3, 0
    logits[:7, 5] = 1
    truth[7:] = logits[7:].argmax(axis=1)
    samples = Samples(inputs={}, expected={"y": logits}, labels=truth)
    (found,) = confusions(samples)
    assert found.rows == () and found.errors == ((3, 5, 7),)
    report = conversion_reports.passed()
    assert "The most frequent errors" in Page(render(report, {}, samples)).text


@pytest.mark.parametrize(
    ("labels", "shape"),
    [(None, (5, 3)), (np.zeros(5), (5, 1)), (np.arange(5) * 0.3, (5, 3)), (np.zeros(4), (5, 3))],
)
def test_no_confusion_without_labels_of_classes(labels: Any, shape: tuple[int, ...]) -> None:
    expected = {"y": np.zeros(shape, np.float32)}
    assert confusions(Samples(inputs={}, expected=expected, labels=labels)) == ()
