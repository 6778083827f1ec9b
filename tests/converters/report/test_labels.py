"""Labels of points: each has one, within the figure and beside the others."""

from hypothesis import given
from hypothesis import strategies as st

from edgeml_converters.report.labels import place


@given(
    points=st.lists(st.tuples(st.floats(0, 330), st.floats(20, 200)), min_size=1, max_size=12).map(
        lambda places: [(n, x, y) for n, (x, y) in enumerate(places, start=1)]
    )
)
def test_every_point_has_one_label_within_the_figure(
    points: list[tuple[int, float, float]],
) -> None:
    labels = place(points, 331)
    numbers = [int(number) for label in labels for number in label.text.split(", ")]
    assert sorted(numbers) == [number for number, _, _ in points]
    assert all(label.x + label.dx > 0 or label.dx > 0 for label in labels)


def test_labels_of_points_in_a_row_do_not_cover_each_other() -> None:
    labels = place([(n, 100 + 6.0 * n, 100.0) for n in range(1, 9)], 331)
    assert len({(label.x + label.dx, label.y + label.dy) for label in labels}) == 8
    boxes = [
        (left, label.y + label.dy, left + 5.6 * len(label.text), label.y + label.dy + 9)
        for label in labels
        for left in [label.x + label.dx - (5.6 * len(label.text) if label.dx < 0 else 0)]
    ]
    for n, a in enumerate(boxes):
        for b in boxes[n + 1 :]:
            assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
