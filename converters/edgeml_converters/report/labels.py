"""Where the numbers of a plot's points stand, so that none covers another.

All places are in points (1/72 inch) from the lower left corner of the figure.
"""

from collections.abc import Sequence
from dataclasses import dataclass

_NEAR = 4.0  # points that are closer share one label
_POINT = 3.5  # half the side of a point's own square
_DIGIT, _HEIGHT = 5.6, 9.0  # of bold text of 9 points
# To the right first, then to the left, above and below, farther and farther away.
_OFFSETS = [
    (dx, dy)
    for radius in range(6)
    for dy in (5.0 + 11 * radius, -9.0 - 11 * radius)
    for dx in (5.0, -5.0)
]


@dataclass(frozen=True)
class Label:
    """dx, dy: from the point to the text's lower corner; to its right one where dx is negative."""

    x: float
    y: float
    text: str
    dx: float
    dy: float


def place(points: Sequence[tuple[int, float, float]], width: float) -> list[Label]:
    """points: number, x, y. width: of the figure; no label ends outside.

    The first offset that covers nothing is taken, or the first of all where each covers something.
    """
    groups: list[list[tuple[int, float, float]]] = []
    for point in points:
        for group in groups:
            if max(abs(group[0][1] - point[1]), abs(group[0][2] - point[2])) < _NEAR:
                group.append(point)
                break
        else:
            groups.append([point])
    taken = [_square(x, y) for _, x, y in points]
    labels: list[Label] = []
    for group in groups:
        _, x, y = group[0]
        text = ", ".join(str(number) for number, _, _ in group)
        boxes = [(offset, _box(x, y, text, *offset)) for offset in _OFFSETS]
        inside = [(o, box) for o, box in boxes if 0 <= box[0] and box[2] <= width] or boxes
        free = [(o, box) for o, box in inside if not any(_cover(box, other) for other in taken)]
        (dx, dy), box = (free or inside)[0]
        taken.append(box)
        labels.append(Label(x, y, text, dx, dy))
    return labels


Box = tuple[float, float, float, float]


def _square(x: float, y: float) -> Box:
    return x - _POINT, y - _POINT, x + _POINT, y + _POINT


def _box(x: float, y: float, text: str, dx: float, dy: float) -> Box:
    wide = _DIGIT * len(text)
    left = x + dx - (wide if dx < 0 else 0)
    return left, y + dy, left + wide, y + dy + _HEIGHT


def _cover(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
