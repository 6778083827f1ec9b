"""Plots as inline SVG that follows the page: its fonts, its colours by day and by night.

Matplotlib draws in the colours of COLOURS, none of which it uses by itself, and each becomes a
variable of the page's style sheet. The same figures give the same text: no date, and ids that come
from the content.
"""

import io
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

INK, LINE, GOOD, BAD, ACCENT, PAPER = (f"#01020{n}" for n in range(6))
COLOURS = {
    INK: "var(--ink)",
    LINE: "var(--line)",
    GOOD: "var(--good)",
    BAD: "var(--bad)",
    ACCENT: "var(--accent)",
    PAPER: "var(--paper)",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "figure.dpi": 72,  # as SVG counts
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.5,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "axes.formatter.use_mathtext": False,
}
_DROPPED = (
    re.compile(r"<metadata>.*?</metadata>\s*", re.S),
    re.compile(r"<style.*?</style>\s*", re.S),  # it would hold for the whole page
    re.compile(r"<!--.*?-->\s*", re.S),
    re.compile(r' id="(?:figure|axes|patch|text|line2d|matplotlib\.axis|[xy]tick|[A-Z]\w*)_\d+"'),
    re.compile(r" font-family: [^;\"]*;?"),
    re.compile(r"(?<=<svg )[^>]*?(?=viewBox)"),  # its size in points
)


@contextmanager
def new_figure(name: str, width: float, height: float) -> Generator[Any]:
    """A figure in the page's style, in inches; a user's own matplotlibrc changes nothing.

    name: no other plot of the page may have it, since the ids inside come from it.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, "svg.hashsalt": name})
        yield Figure(figsize=(width, height), layout="constrained")


def inline(figure: Any, title: str) -> Markup:
    """The figure as an <svg> element with a title for those who cannot see it."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    svg = stream.getvalue()
    svg = svg[svg.index("<svg") :]
    for pattern in _DROPPED:
        svg = pattern.sub("", svg)
    for colour, variable in COLOURS.items():
        svg = svg.replace(colour, variable)
    opening, _, rest = svg.partition(">")
    return Markup(f'{opening} role="img" class="plot"><title>{escape(title)}</title>{rest}')
