"""What the taps of a kernel read, where much of it may stand beside the picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from edgeml_converters.formats.tensors import Array


@dataclass(frozen=True)
class Slide:
    """A kernel along one axis of a picture.

    taps: of the kernel. taken, given: places of what the layer takes and gives. step, apart: from
    place to place, and from tap to tap. before: places of padding in front of the first.
    """

    taps: int
    taken: int
    given: int
    step: int = 1
    apart: int = 1
    before: int = 0


def read_share(slides: Sequence[Slide], *, transposed: bool = False) -> Array:
    """Of each tap, in the kernel's order: how often it adds what is no padding to a place of the
    answer, on average over all of them.

    transposed: whether each place that is taken adds all taps to the answer, where there is room.
    """
    shares = [_transposed(slide) if transposed else _share(slide) for slide in slides]
    return reduce(np.multiply.outer, shares, np.ones(())).ravel()


def same_padding(taps: int, taken: int, given: int, step: int, apart: int = 1) -> int:
    """Of both sides, where there are as many places as the steps ask for."""
    return max((given - 1) * step + (taps - 1) * apart + 1 - taken, 0)


def _share(slide: Slide) -> Array:
    return _hits(slide, slide.given, slide.taken) / slide.given


def _transposed(slide: Slide) -> Array:
    return _hits(slide, slide.taken, slide.given) / slide.given


def _hits(slide: Slide, grid: int, room: int) -> Array:
    """From how many places of a grid each tap stands inside of the room."""
    starts = np.arange(grid)[:, None] * slide.step - slide.before
    places = starts + np.arange(slide.taps) * slide.apart
    return np.asarray(((places >= 0) & (places < room)).sum(axis=0))
