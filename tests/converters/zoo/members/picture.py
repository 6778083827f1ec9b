"""docs/curves.svg: small multiples, one for each member, one line for each damage."""

import math
from typing import Any

from edgeml_converters.report.svg import ACCENT, BAD, GOOD, INK, LINE, inline, new_figure
from tests.converters.zoo.members import curves
from tests.converters.zoo.members.page import Curves

_COLUMNS = 3
_COLOURS = {"same": GOOD, "cannot tell": ACCENT, "differs": BAD}
_LEAST, _MOST = 0.02, 100.0  # tolerances
# As the report's page has them; an image by itself has no page around it.
_STYLE = """
<style>
svg { --ink: #1f2328; --line: #d1d9e0; --good: #1a7f37; --bad: #cf222e; --accent: #0969da; }
@media (prefers-color-scheme: dark) {
svg { --ink: #d1d7e0; --line: #3d444d; --good: #3fb950; --bad: #f85149; --accent: #4493f8; }
}
text { font-family: sans-serif }
</style>
"""


def picture(found: Curves) -> str:
    """An SVG file that follows the reader's colours by day and by night."""
    rows = -(-len(found) // _COLUMNS)
    with new_figure("curves", 9.5, 2.3 * rows) as figure:
        grid: Any = figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False)
        for place, (axes, (member, of_member)) in enumerate(
            zip(grid.flat, found.items(), strict=False)
        ):
            axes.set_title(member, fontsize=9)
            axes.axhspan(curves.GOOD, curves.BAD, color=LINE, alpha=0.6)
            for points in of_member.values():
                lost = [_within(point.worse) for point in points]
                sizes = [point.size for point in points]
                axes.plot(sizes, lost, color=INK, linewidth=0.6, alpha=0.5)
                for answer, colour in _COLOURS.items():
                    at = [i for i, point in enumerate(points) if point.answer == answer]
                    axes.plot(
                        [sizes[i] for i in at], [lost[i] for i in at], "o",
                        markersize=3.5, color=colour,
                    )  # fmt: skip
            axes.set_xscale("log", base=2)
            axes.set_yscale("log")
            axes.set_xticks([2.0**-9, 2.0**-5, 0.5], ["1/512", "1/32", "1/2"])
            axes.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
            axes.minorticks_off()
            if place % _COLUMNS == 0:
                axes.set_ylabel("tolerances lost")
        for axes in grid.flat[len(found) :]:
            axes.remove()
        for axes in grid[-1]:
            axes.set_xlabel("size of the damage")
        svg = str(inline(figure, "What tasks lose by damage, and what the verdict says"))
    opening, _, rest = svg.partition(">")
    return f'{opening} xmlns:xlink="http://www.w3.org/1999/xlink">{_STYLE}{rest}'


def _within(worse: float) -> float:
    return _MOST if math.isnan(worse) else min(max(worse, _LEAST), _MOST)
