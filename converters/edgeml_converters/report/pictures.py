"""One input of one sample as something to look at: an image, a line or its first numbers."""

import base64
import io
from dataclasses import dataclass
from typing import Any

import matplotlib.image
import numpy as np
from markupsafe import Markup, escape

from edgeml_converters.formats.tensors import Array, Arrays

_SIDE_MAX = 96  # pixels that are kept of an image
_POINTS_MAX = 256
_SERIES_MIN = 16  # values that make a line worth drawing
_LINES_MAX = 4
_GREY_MIN = 6  # rows and columns that make a matrix a picture
_NUMBERS = 8


@dataclass(frozen=True)
class Picture:
    """kind: image, line or numbers; drawn: HTML."""

    name: str
    kind: str
    drawn: Markup


def pictures(inputs: Arrays, sample: int) -> tuple[Picture, ...]:
    """Every input of that sample."""
    return tuple(_picture(name, array[sample]) for name, array in inputs.items())


def _picture(name: str, value: Array) -> Picture:
    pixels = as_image(value)
    if pixels is not None:
        return Picture(name, "image", _image(name, pixels))
    lines = _as_lines(value)
    if lines is not None:
        return Picture(name, "line", _line(name, lines))
    flat = value.reshape(-1)
    text = ", ".join(f"{number:.4g}" for number in flat[:_NUMBERS].astype(np.float64))
    more = f" and {len(flat) - _NUMBERS} more" if len(flat) > _NUMBERS else ""
    return Picture(name, "numbers", Markup("<code>{}{}</code>").format(text, more))


def as_image(value: Array) -> Array | None:
    """[height, width] or [height, width, 3] between 0 and 1, channels first or last; None where
    the sample is no image.

    An image has 1 or 3 channels, or none of its own and at least 6 rows and columns.
    """
    pixels = value
    if value.ndim == 3 and value.shape[0] in (1, 3) and min(value.shape[1:]) > 3:
        pixels = np.moveaxis(value, 0, -1)
    elif not (
        (value.ndim == 3 and value.shape[-1] in (1, 3) and min(value.shape[:2]) > 3)
        or (value.ndim == 2 and min(value.shape) >= _GREY_MIN)
    ):
        return None
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    step = max(1, -(-max(pixels.shape[:2]) // _SIDE_MAX))
    pixels = np.nan_to_num(pixels[::step, ::step].astype(np.float64))
    low, high = float(pixels.min()), float(pixels.max())
    return np.full(pixels.shape, 0.5) if high == low else (pixels - low) / (high - low)


def _image(name: str, pixels: Array) -> Markup:
    stream = io.BytesIO()
    unsigned: Any = {"Software": None}  # without the version of matplotlib in it
    matplotlib.image.imsave(
        stream, pixels, format="png", cmap="gray", vmin=0, vmax=1, metadata=unsigned
    )
    data = base64.b64encode(stream.getvalue()).decode()
    height, width = pixels.shape[:2]
    return Markup(
        f'<img alt="{escape(name)}" width="{width}" height="{height}" '
        f'src="data:image/png;base64,{data}">'
    )


def _as_lines(value: Array) -> Array | None:
    """[points, lines], or None where it is no series."""
    series = np.squeeze(value)
    if series.ndim == 1:
        series = series[:, None]
    elif series.ndim == 2 and series.shape[0] <= _LINES_MAX < series.shape[1]:
        series = series.T
    if series.ndim != 2 or series.shape[1] > _LINES_MAX or len(series) < _SERIES_MIN:
        return None
    return np.nan_to_num(series.astype(np.float64))


def _line(name: str, series: Array) -> Markup:
    """Lowest and highest value of each piece, so that no peak of a long signal is lost."""
    pieces = np.array_split(series, min(len(series), _POINTS_MAX // 2))
    points = np.concatenate([np.stack([p.min(axis=0), p.max(axis=0)]) for p in pieces])
    if len(series) <= _POINTS_MAX:
        points = series
    low, high = points.min(), points.max()
    scaled = np.full(points.shape, 0.5) if high == low else (points - low) / (high - low)
    x = np.linspace(0, 200, len(points))
    lines = "".join(
        '<polyline points="'
        + " ".join(f"{a:.1f},{58 - 56 * b:.1f}" for a, b in zip(x, column, strict=True))
        + '"/>'
        for column in scaled.T
    )
    return Markup(
        f'<svg viewBox="0 0 200 60" role="img" class="series" preserveAspectRatio="none">'
        f"<title>{escape(name)}</title>{lines}</svg>"
    )
