"""Which of several files of one precision is chosen."""

from pathlib import Path

import pytest

from edgeml.parity.answers import Answer, JudgedFigure, OutputParity
from edgeml_converters.variants.quantiser import QuantisedFile, Recipe


def _file(snr_db: float | None, flips: float, answer: Answer) -> QuantisedFile:
    """flips: 0.01 is the same, 0.05 differs."""
    figure = JudgedFigure(
        figure="flips", channel="", value=flips, low=None, high=None, same=0.01, differs=0.05,
        why="", events=40, answer=answer,
    )  # fmt: skip
    output = OutputParity(name="y", answer=answer, figures=(figure,), snr_db=snr_db)
    return QuantisedFile(Recipe(), Path("model.onnx"), 100.0, {}, (output,))


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        # One class too many in a few samples weighs less than noise.
        (_file(28.0, 0.06, "cannot tell"), _file(6.0, 0.0, "same")),
        # What surely differs weighs more.
        (_file(6.0, 0.0, "same"), _file(28.0, 0.2, "differs")),
        (_file(28.0, 0.005, "same"), _file(28.0, 0.01, "same")),
        (_file(None, 0.0, "same"), _file(90.0, 0.0, "same")),
    ],
)
def test_the_nearer_file_is_chosen(better: QuantisedFile, worse: QuantisedFile) -> None:
    assert better.nearness > worse.nearness
