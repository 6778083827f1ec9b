"""What is said of the real models' files in int8, by their tasks' own truth.

docs/models.md has all of them; it is held against the code, and the cheapest are converted anew.
"""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeml.manifest import Precision
from tests.converters.zoo.real import rows
from tests.converters.zoo.real.conversions import BY_NAME, MODELS, PRECISIONS, convert_real
from tests.converters.zoo.real.paper import Word, printed
from tests.converters.zoo.real.readers import edits
from tests.converters.zoo.real.real import missing
from tests.converters.zoo.table import PAGE, TITLES

IN_INT8: tuple[Precision, ...] = ("int8", "int8-weights")
# What the first figure of a model's task must reach by the model itself.
LEAST = {
    "reader": 0.8, "classifier": 0.85, "detector": 0.95, "basic_pitch": 0.85, "resemblyzer": 0.75,
    "silero": 0.85,
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    assert not missing(), missing()


def test_the_table_has_every_real_model_and_a_reason_where_it_is_at_odds_with_the_task() -> None:
    documented = rows.written()
    assert documented.keys() == {
        (real.name, TITLES[form], precision)
        for real in MODELS
        for form in real.formats
        for precision in PRECISIONS
    }
    assert {key for key, shown in documented.items() if "(!)" in shown} == rows.REASONS.keys()
    assert rows.UNKNOWN not in PAGE.read_text(encoding="utf-8")
    for key, shown in documented.items():
        if key[-1] == "fp32":
            assert shown == "same, 0.00", key


@pytest.mark.torch
@pytest.mark.parametrize("name", ["resemblyzer", "silero"])  # the two that are done in seconds
def test_in_int8_a_real_model_is_what_the_docs_say(name: str, tmp_path: Path) -> None:
    documented = rows.written()
    found = convert_real(replace(BY_NAME[name], formats=("onnx",)), tmp_path, IN_INT8)
    assert next(iter(found.own.values())).value >= LEAST[name]
    for one in found.files:
        key = (name, TITLES[one.format], one.precision)
        assert one.agrees or key in rows.REASONS, one
        answer, lost, *repaired = documented[key].removesuffix(" (!)").split(", ")
        assert (one.answer, one.repaired) == (answer, bool(repaired)), one
        assert one.worse == pytest.approx(float(lost), rel=0.05, abs=0.05), one


@pytest.mark.parametrize("name", ["reader", "classifier", "detector", "basic_pitch"])
def test_a_model_that_is_not_converted_here_does_its_task_as_the_docs_say(name: str) -> None:
    """Whether the truth is right shows here: a task at which the model fails says nothing."""
    known = replace(BY_NAME[name], whole=96).known()
    figure, cost = next(iter(known.own_costs.items()))
    assert cost.value >= LEAST[name]
    said = re.search(
        rf"^- {name}: .* By the model itself {figure} (\d\.\d\d)", PAGE.read_text(), re.M
    )
    assert said is not None and cost.value == pytest.approx(float(said[1]), abs=0.05)


def test_the_truth_of_a_page_is_where_its_ink_is() -> None:
    page, boxes = printed([Word("left", 0.1, 0.75), Word("right", 0.5, 0.25)], 100, 200)
    assert page.min() == -1 and page.max() == 1
    for x0, y0, x1, y1 in boxes.tolist():
        ink = page[0, y0:y1, x0:x1] < 0
        for rim in (ink[0], ink[-1], ink[:, 0], ink[:, -1]):
            assert rim.any()
    outside = page[0].copy()
    for x0, y0, x1, y1 in boxes.tolist():
        outside[y0:y1, x0:x1] = 1
    assert (outside > 0).all()
    left, right = boxes.tolist()
    assert left[1] < left[3] <= 50 <= right[1] and left[0] == pytest.approx(20, abs=3)
    assert np.isclose(right[0], 100, atol=4)


def test_letters_that_are_read_wrong_are_counted() -> None:
    assert [edits(*pair) for pair in (("ab", "ab"), ("ab", "b"), ("", "abc"), ("axc", "abc"))] == [
        0, 1, 3, 1,
    ]  # fmt: skip
