"""Pictures of inputs: what is drawn is chosen by the shape."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgeml_converters.report.pictures import as_image, pictures


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((1, 8, 8), "image"),
        ((3, 32, 40), "image"),
        ((32, 40, 3), "image"),
        ((28, 28, 1), "image"),
        ((28, 28), "image"),
        ((2, 400), "line"),
        ((400, 3), "line"),
        ((1, 16_000), "line"),
        ((40,), "line"),
        ((6,), "numbers"),
        ((2, 2), "numbers"),
        ((), "numbers"),
        ((4, 5, 6, 7), "numbers"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "uint8", "bool", "int64"])
def test_inputs_are_drawn_by_their_shape(shape: tuple[int, ...], kind: str, dtype: str) -> None:
    values = np.random.default_rng(0).integers(0, 2, (2, *shape)).astype(dtype)
    (picture,) = pictures({"x": values}, 1)
    assert picture.kind == kind
    assert len(picture.drawn) < 60_000


@pytest.mark.parametrize(
    "shape", [(1, 300, 200), (3, 300, 200), (300, 200, 3), (300, 200)], ids=str
)
def test_an_image_keeps_its_axes_and_grows_no_larger_than_the_page_needs(
    shape: tuple[int, ...],
) -> None:
    image: npt.NDArray[Any] = np.zeros(shape, np.float32)
    found = as_image(image)
    assert found is not None and found.shape[:2] == (75, 50)
    assert np.unique(found).tolist() == [0.5]
