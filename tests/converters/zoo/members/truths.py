"""The tasks' own metrics, by what is really there; each as a loss with its tolerance.

A task allows a point of what counts over all, three of one class, label or overlap of 0.75, 0.3
cells, and a hundredth of a column's spread: as in benchmarks/verdict_tasks.
"""

import numpy as np

from tests.converters.zoo.members.member import Array, Cost, Costs

POINT, POINTS_OF_ONE = 0.01, 0.03
_CELLS = 0.3
_PCK_CELLS = 1.5


def overlap(a: Array, b: Array) -> Array:
    """IoU of boxes [..., 4] with x and y of two corners."""
    low, high = np.maximum(a[..., :2], b[..., :2]), np.minimum(a[..., 2:], b[..., 2:])
    shared = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [np.clip(c[..., 2:] - c[..., :2], 0, None).prod(axis=-1) for c in (a, b)]
    found: Array = shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)
    return found


def found_objects(boxes: Array, said: Array, true: Array, there: Array) -> Costs:
    """boxes, true: [n, cells, 4] with corners; said, there: [n, cells, classes], bool."""
    iou = overlap(boxes, true)[..., None]
    both = said & there

    def f1(least: float) -> float:
        hits = (both & (iou > least)).sum()
        return float(2 * hits / (said.sum() + there.sum()))

    recall = (both & (iou > 0.5)).sum() / there.sum()
    return {
        "recall at IoU 0.5": Cost(1 - float(recall), POINT),
        "F1 at IoU 0.5": Cost(1 - f1(0.5), POINT),
        "F1 at IoU 0.75": Cost(1 - f1(0.75), POINTS_OF_ONE),
    }


def classes_of_pixels(said: Array, true: Array, count: int) -> Costs:
    """said, true: the class of each pixel, [n, h, w]."""
    each = {
        c: float(((said == c) & (true == c)).sum() / ((said == c) | (true == c)).sum())
        for c in range(count)
    }
    mean = {"mean IoU": Cost(1 - float(np.mean([*each.values()])), POINT)}
    return mean | {f"IoU of class {c}": Cost(1 - iou, POINTS_OF_ONE) for c, iou in each.items()}


def mask(said: Array, true: Array) -> Costs:
    return {"IoU": Cost(1 - float((said & true).sum() / (said | true).sum()), POINT)}


def key_points(maps: Array, true: Array, there: Array) -> Costs:
    """maps: [n, points, h, w]; true: [n, points, (y, x)] in cells; there: [n, points], bool.

    PCK counts a point that is there as found within 1.5 cells; one whose peak is above a half is
    said to be there.
    """
    flat = maps.reshape(*maps.shape[:2], -1)
    peak, said = flat.argmax(axis=-1), flat.max(axis=-1) > 0.5
    place = np.stack(np.unravel_index(peak, maps.shape[2:]), axis=-1)
    away = np.linalg.norm(place - true, axis=-1)
    near = (away <= _PCK_CELLS) & there
    pck = near.sum(axis=0) / there.sum(axis=0)
    off = (away * there).sum(axis=0) / there.sum(axis=0)
    f1 = 2 * (said & there).sum(axis=0) / (said.sum(axis=0) + there.sum(axis=0))
    costs = {"PCK": Cost(1 - float(pck.mean()), POINT)}
    for point in range(len(pck)):
        costs[f"PCK of point {point}"] = Cost(1 - float(pck[point]), POINTS_OF_ONE)
        costs[f"distance of point {point}"] = Cost(float(off[point]), _CELLS, of_one=False)
        costs[f"F1 of point {point}"] = Cost(1 - float(f1[point]), POINTS_OF_ONE)
    return costs


def retrieval(asked: Array, who: Array, index: Array, whose: Array) -> Costs:
    """Whether the vector of the index that is nearest by cosine is of the same origin."""
    nearest = whose[(_unit(asked) @ _unit(index).T).argmax(axis=1)]
    return {"retrieval precision": Cost(float((nearest != who).mean()), POINT)}


def numbers(found: Array, true: Array, name: str = "column") -> Costs:
    """Mean absolute error of each column over its spread; both [n, columns]."""
    lost = np.abs(found.astype(np.float64) - true).mean(axis=0) / true.std(axis=0)
    return {
        f"MAE of {name} {c} / spread": Cost(float(of), POINT, of_one=False)
        for c, of in enumerate(lost)
    }


def events(said: Array, true: Array) -> Costs:
    """said, true: [n, 1], bool."""
    hits = (said & true).sum()
    f1 = 2 * hits / max(1, said.sum() + true.sum())
    return {
        "F1": Cost(1 - float(f1), POINT),
        "recall": Cost(1 - float(hits / true.sum()), POINTS_OF_ONE),
    }


def classes(said: Array, true: Array, name: str) -> Costs:
    """said, true: the class of each sample, [n]."""
    wrong = said != true
    costs = {f"accuracy of {name}": Cost(float(wrong.mean()), POINT)}
    for c in range(int(true.max()) + 1):
        of = float(wrong[true == c].mean())
        costs[f"accuracy of {name}, class {c}"] = Cost(of, POINTS_OF_ONE)
    return costs


def _unit(vectors: Array) -> Array:
    unit: Array = vectors / np.maximum(np.linalg.norm(vectors, axis=1)[:, None], 1e-9)
    return unit
