"""The verdict turns where the task does: three sizes of each damage, and one member converted.

docs/curves.md has all sizes, and docs/models.md all members; both are held against what is found.
"""

import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from edgeml.parity.answers import Answer
from tests.converters.zoo.converted import FORMATS
from tests.converters.zoo.known import BAD, GOOD
from tests.converters.zoo.members import page, rows
from tests.converters.zoo.members.conversions import KEYS, PRECISIONS, convert_member
from tests.converters.zoo.members.curves import Judged, Point, damages
from tests.converters.zoo.members.damages import MORE
from tests.converters.zoo.members.member import Member
from tests.converters.zoo.members.members import BY_NAME, MEMBERS
from tests.converters.zoo.members.picture import picture
from tests.converters.zoo.table import TITLES

pytestmark = pytest.mark.torch
# What the figure by which a member is known must reach, or a mean absolute error may be.
LEAST = {
    "detector_one": 0.95, "detector_two": 0.95, "segmentation_nchw": 0.85,
    "segmentation_nhwc": 0.9, "pose": 0.95, "embedding": 0.8, "two_heads": 0.9, "rare_event": 0.75,
}  # fmt: skip
MOST = {"tiny_units": 0.15, "mixed_units": 0.35, "twelve_inputs": 0.15, "stream": 0.15}
CONVERTED = "stream"  # whose int8 is the same when it is repaired, and differs else


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """The nets are so small that more only wait for each other."""
    torch.set_num_threads(1)


def sizes(cells: dict[float, tuple[float, Answer]]) -> list[float]:
    """The last that is called the same, else the first; the first that is bad; the largest."""
    same = [size for size, (_, answer) in cells.items() if answer == "same"]
    bad = [size for size, (lost, _) in cells.items() if lost > BAD]
    return sorted({max(same, default=min(cells)), min(bad), max(cells)})


def cells_of(member: str, damage: str) -> dict[float, tuple[float, Answer]]:
    """By size, what the page has of one curve."""
    found = page.written()
    return {
        size: page.read(found[member, damage, size])
        for size in MORE
        if (member, damage, size) in found
    }


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_the_verdict_turns_where_the_task_does(member: Member) -> None:
    judged = Judged(member)
    first = next(iter(judged.own_costs.values()))
    assert LEAST.get(member.name, 0) <= first.value <= MOST.get(member.name, 1)
    for damage in damages(member):
        cells = cells_of(member.name, damage.name)
        for size in sizes(cells):
            point, (lost, answer) = judged.point(damage, size), cells[size]
            assert point.answer == answer, point
            assert point.agrees, point
            if math.isfinite(lost):
                assert point.worse == pytest.approx(lost, rel=0.05, abs=0.05), point


def test_every_curve_in_the_docs_begins_harmless_and_ends_in_ruin() -> None:
    documented = {(member, damage) for member, damage, _ in page.written()}
    assert documented == {(m.name, d.name) for m in MEMBERS for d in damages(m)}
    for member, damage in documented:
        cells = [*cells_of(member, damage).values()]
        assert cells[0][0] < GOOD and cells[0][1] != "differs", (member, damage)
        assert cells[-1][0] > BAD and cells[-1][1] == "differs", (member, damage)
    assert any(answer == "same" for member, damage in documented
               for _, answer in cells_of(member, damage).values())  # fmt: skip
    assert not [key for key, shown in page.written().items() if "(!)" in shown]


def test_where_truth_and_verdict_are_at_odds_the_docs_say_why() -> None:
    found = page.at_odds()
    assert {row[0] for row in found} == page.REASONS.keys()
    assert page.UNKNOWN not in page.PAGE.read_text(encoding="utf-8")
    assert len(found) < 0.001 * len(page.written()) * page.SEEDS


def test_what_the_verdict_sees_is_drawn_apart_from_the_damage() -> None:
    """Else all samples that a damage changes could be among those that are seen."""
    judged = Judged(BY_NAME["twelve_inputs"])
    (swapped,) = (d for d in judged.member.of_inputs if d.name.endswith("swapped"))
    changed = judged.damaged(swapped, 0.25).alone["load"] != judged.own.alone["load"]
    assert changed.mean() == pytest.approx(0.25, abs=0.01)
    assert changed[judged.rows].mean() == pytest.approx(0.25, abs=0.07)  # three deviations


def test_a_cell_is_read_as_it_was_written() -> None:
    for point, shown in (
        (Point("d", 1.0, 0.456, "recall", "cannot tell", ""), "0.46 ?"),
        (Point("d", 1.0, -0.001, "recall", "same", ""), "0.00 ="),
        (Point("d", 1.0, 12.34, "recall", "differs", ""), "**12.3** ≠"),
        (Point("d", 1.0, 1.02, "recall", "same", ""), "**1.02** = (!)"),
        (Point("d", 1.0, np.inf, "recall", "differs", ""), "**100+** ≠"),
    ):
        assert page.cell(point) == shown
        lost, answer = page.read(shown)
        assert answer == point.answer
        assert lost == point.worse or lost == pytest.approx(point.worse, abs=0.05)


def test_the_picture_is_an_image_by_itself() -> None:
    points = [Point("d", size, 4 * size, "recall", "same", "") for size in MORE]
    root = ElementTree.fromstring(picture({"one": {"d": points}, "other": {"d": points}}))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    committed = ElementTree.parse(page.PICTURE).getroot()
    texts = {text.text for text in committed.iter("{http://www.w3.org/2000/svg}text")}
    assert texts >= set(BY_NAME)


def test_the_table_of_conversions_has_every_member_and_agrees_with_the_tasks() -> None:
    documented = rows.written()
    assert documented.keys() == {
        (member, TITLES[framework], TITLES[form], precision)
        for framework, member in KEYS
        for form in FORMATS
        for precision in PRECISIONS
    }
    for key, shown in documented.items():
        assert "(!)" not in shown, key
        if key[-1] == "fp32":
            assert shown == "same, 0.00", key


def test_a_converted_member_is_what_the_docs_say(tmp_path: Path) -> None:
    documented = rows.written()
    found = [*convert_member("torch", CONVERTED, tmp_path)]
    for one in found:
        assert one.agrees, one
        key = (CONVERTED, TITLES["torch"], TITLES[one.format], one.precision)
        answer, lost, *repaired = documented[key].split(", ")
        assert (one.answer, one.repaired) == (answer, bool(repaired)), one
        assert one.worse == pytest.approx(float(lost), rel=0.05, abs=0.05), one


def test_a_member_that_is_not_repaired_is_not_called_the_same(tmp_path: Path) -> None:
    found = [*convert_member("torch", CONVERTED, tmp_path, "--no-repair")]
    said = {one.precision: one for one in found}
    assert said["fp32"].answer == "same"
    assert all(
        one.answer == "differs" and one.worse > BAD for one in found if one.precision != "fp32"
    )
