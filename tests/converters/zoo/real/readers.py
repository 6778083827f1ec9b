"""rapidocr's three nets, which come as ONNX: one finds words, one turns them, one reads them."""

import itertools
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import numpy as np
import onnxruntime
from scipy import ndimage

from edgeml_runtime.engines.onnx import OnnxEngine
from tests.converters.zoo.members.member import Array, Arrays, Cost, Costs, Data, Rng
from tests.converters.zoo.members.truths import POINT, POINTS_OF_ONE, classes, mask, overlap
from tests.converters.zoo.real.paper import FONTS, Word, printed, scanned, text
from tests.converters.zoo.real.real import PACKAGES, Real

OCR = PACKAGES / "rapidocr_onnxruntime" / "models"
READER = OCR / "ch_PP-OCRv4_rec_infer.onnx"
CLASSIFIER = OCR / "ch_ppocr_mobile_v2.0_cls_infer.onnx"
DETECTOR = OCR / "ch_PP-OCRv4_det_infer.onnx"
_TO_READ, _TO_TURN = (48, 96), (48, 192)  # height and width
_PAGE = 160
_MOST_WORDS = 4
_AT = 0.3  # above this the detector's mask is inside, in the authors' configuration
_MARGIN = 0.2  # of a word's height, around its ink, as people draw boxes
_SHRUNK, _GROWN = 0.4, 1.6  # of boxes in training, and of what is found (Liao et al. 2020)


def read(probabilities: Array) -> list[str]:
    """The text of each row of [n, steps, characters]: repeats fall together, 0 is nothing."""
    letters = _letters()
    return [
        "".join(letters[key] for key, _ in itertools.groupby(row)).strip()
        for row in probabilities.argmax(axis=-1)
    ]


@cache
def _letters() -> list[str]:
    session = onnxruntime.InferenceSession(READER)
    known = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    return ["", *known, " "]


def _lines(rng: Rng, texts: Sequence[str], size: tuple[int, int]) -> Array:
    """Each on a page of its own."""
    height, width = size
    pages = [
        printed(
            [Word(of, 0.03, rng.uniform(0.45, 0.55), rng.uniform(15, 20), rng.choice(FONTS))],
            height, width,
        )[0]
        for of in texts
    ]  # fmt: skip
    return scanned(rng, np.stack(pages))


def _draw_words(rng: Rng, n: int) -> Data:
    texts = [text(rng, 3, 4) for _ in range(n)]
    return Data({"x": _lines(rng, texts, _TO_READ)}, {"text": np.array(texts)})


def _draw_turned(rng: Rng, n: int) -> Data:
    pages = _lines(rng, [text(rng, 5, 9) for _ in range(n)], _TO_TURN)
    turned = rng.random(n) < 0.5
    pages[turned] = pages[turned][:, :, ::-1, ::-1]
    return Data({"x": pages}, {"turned": turned.astype(np.int64)})


def _draw_pages(rng: Rng, n: int) -> Data:
    """boxes: [n, most words, 4], of no size where there is no word. inside: [n, h, w]."""
    pages: list[Array] = []
    boxes = np.zeros((n, _MOST_WORDS, 4))
    for of in boxes:
        count = rng.integers(2, _MOST_WORDS, endpoint=True)
        page = [
            Word(
                text(rng, 3, 7), rng.uniform(0.03, 0.4), (line + rng.uniform(0.45, 0.55)) / count,
                rng.uniform(8, 15), rng.choice(FONTS),
            )
            for line in range(count)
        ]  # fmt: skip
        pixels, ink = printed(page, _PAGE, _PAGE)
        margin = _MARGIN * (ink[:, 3] - ink[:, 1])[:, None]
        of[:count] = np.concatenate([ink[:, :2] - margin, ink[:, 2:] + margin], axis=1)
        pages.append(pixels)
    inside = np.zeros((n, _PAGE, _PAGE), bool)
    for sample, of in enumerate(boxes):
        for x0, y0, x1, y1 in _grown(of, -(1 - _SHRUNK**2)).round().astype(int):
            inside[sample, max(0, y0) : y1, max(0, x0) : x1] = True
    return Data({"x": scanned(rng, np.stack(pages))}, {"boxes": boxes, "inside": inside})


def _grown(boxes: Array, ratio: float) -> Array:
    """By area times ratio over circumference at each side."""
    wide, high = boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1]
    by = (wide * high * ratio / np.maximum(2 * (wide + high), 1))[..., None]
    return np.concatenate([boxes[..., :2] - by, boxes[..., 2:] + by], axis=-1)


def _costs_of_words(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    ((_, probabilities),) = found.items()
    said, true = read(probabilities), truth["text"].tolist()
    wrong = np.mean([a != b for a, b in zip(said, true, strict=True)])
    letters = sum(map(edits, said, true)) / sum(map(len, true))
    return {"words": Cost(float(wrong), POINT), "letters": Cost(letters, POINT)}


def edits(a: str, b: str) -> int:
    """Letters put in, left out or changed (Levenshtein 1966)."""
    row = [*range(len(b) + 1)]
    for i, of in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (of != other))
    return row[-1]


def _costs_of_turned(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    ((_, probabilities),) = found.items()
    return classes(probabilities.argmax(axis=1), truth["turned"], "upside down")


def _costs_of_pages(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    ((_, probability),) = found.items()
    inside = probability[:, 0] > _AT
    hits = said = 0
    for page, true in zip(inside, truth["boxes"], strict=True):
        boxes = _boxes(page)
        said += len(boxes)
        iou = overlap(_grown(boxes, _GROWN)[:, None], true[None]) if len(boxes) else None
        hits += 0 if iou is None else int((iou.max(axis=0) > 0.5).sum())
    there = int((truth["boxes"][..., 2] > 0).sum())
    return {
        "F1 of words": Cost(1 - 2 * hits / (said + there), POINT),
        "recall of words": Cost(1 - hits / there, POINTS_OF_ONE),
    } | mask(inside, truth["inside"])


def _boxes(inside: Array) -> Array:
    """Of what hangs together, [n, 4]."""
    labelled, _ = cast(tuple[Array, int], ndimage.label(inside))
    places: Any = ndimage.find_objects(labelled)  # y and x of each, slices
    return np.array([[x.start, y.start, x.stop, y.stop] for y, x in places], float).reshape(-1, 4)


READING = Real(
    "reader", "PP-OCRv4's reader: the words that are read right",
    READER, lambda: OnnxEngine(READER).run, _draw_words, _costs_of_words, ("onnx",),
    options=("--calibrator", "minmax"), proof=96, calibrating=48,
)  # fmt: skip
TURNING = Real(
    "classifier", "PP-OCR's classifier: which words are upside down",
    CLASSIFIER, lambda: OnnxEngine(CLASSIFIER).run, _draw_turned, _costs_of_turned, ("onnx",),
    proof=800, whole=1600, calibrating=128,
)  # fmt: skip
FINDING = Real(
    "detector", "PP-OCRv4's detector: the words that are found on a page, and their pixels",
    DETECTOR, lambda: OnnxEngine(DETECTOR).run, _draw_pages, _costs_of_pages, ("onnx",),
    outputs=(f"sigmoid_0.tmp_0=mask,threshold={_AT}",),
)  # fmt: skip
