"""What is read: words on paper, as a scanner gives them; -1 is black and 1 white."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tests.converters.zoo.members.member import Array, Rng

Floats = npt.NDArray[np.float32]
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # without those that are alike in print
FONTS = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono")


@dataclass(frozen=True)
class Word:
    """left, middle: where it begins and its line is, in shares of the page from the lower left;
    size: in points at 100 dots an inch."""

    text: str
    left: float = 0.02
    middle: float = 0.5
    size: float = 22
    font: str = FONTS[0]


def words(texts: Sequence[str], height: int, width: int) -> Floats:
    """[n, 3, height, width]: one word a page, black on white."""
    return np.stack([printed([Word(text)], height, width)[0] for text in texts])


def printed(page: Sequence[Word], height: int, width: int) -> tuple[Floats, Array]:
    """[3, height, width], and the box of each word's ink, [words, 4] as x, y, x, y."""
    figure = Figure(figsize=(width / 100, height / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    texts = [
        figure.text(w.left, w.middle, w.text, fontsize=w.size, va="center", family=w.font)
        for w in page
    ]
    canvas.draw()
    pixels: Array = np.asarray(canvas.buffer_rgba())[..., :3].transpose(2, 0, 1)
    boxes = [_ink(pixels[0], text.get_window_extent()) for text in texts]
    scaled = pixels.astype(np.float32) / 255 * 2 - 1
    return np.ascontiguousarray(scaled), np.array(boxes)


def scanned(rng: Rng, pages: Floats) -> Floats:
    """Greyer ink on greyer paper, with noise, of each page in another measure."""
    shape = (len(pages), 1, 1, 1)
    ink, paper = rng.uniform(-1, -0.2, shape), rng.uniform(0.5, 1, shape)
    noise = rng.normal(size=pages.shape) * rng.uniform(0, 0.1, shape)
    found = ink + (pages + 1) / 2 * (paper - ink) + noise
    return found.clip(-1, 1).astype(np.float32)


def text(rng: Rng, least: int, most: int) -> str:
    return "".join(rng.choice(list(LETTERS), rng.integers(least, most, endpoint=True)))


def _ink(pixels: Array, extent: Any) -> tuple[int, int, int, int]:
    """Of what is dark within an extent, whose y counts from below."""
    height, width = pixels.shape
    x0, x1 = max(0, int(extent.x0)), min(width, int(np.ceil(extent.x1)))
    y0, y1 = max(0, height - int(np.ceil(extent.y1))), min(height, height - int(extent.y0))
    y, x = np.nonzero(pixels[y0:y1, x0:x1] < 128)
    return x0 + x.min(), y0 + y.min(), x0 + x.max() + 1, y0 + y.max() + 1
