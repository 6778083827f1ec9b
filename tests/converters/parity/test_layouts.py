"""An output whose channels stand elsewhere is named; one that is wrong in another way is not."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgeml.faults import Fault
from edgeml_converters.parity.layouts import permuted_layouts

Array = npt.NDArray[Any]
IMAGE = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize(
    ("axes", "where"), [((0, 2, 3, 1), "channels last"), ((0, 3, 1, 2), "channels first")]
)
def test_an_image_whose_axes_were_moved(axes: tuple[int, ...], where: str) -> None:
    (finding,) = permuted_layouts({"y": IMAGE.transpose(axes)}, {"y": IMAGE}, "e")
    assert (finding.fault, finding.where, finding.engines) == (Fault.PERMUTED_LAYOUT, "y", ("e",))
    assert where in finding.message


@pytest.mark.parametrize("found", [IMAGE, IMAGE + 1, IMAGE[:, :2], IMAGE[0], IMAGE * np.nan])
def test_what_is_right_or_wrong_otherwise(found: Array) -> None:
    assert permuted_layouts({"y": found}, {"y": IMAGE}, "e") == ()


def test_an_image_of_one_size_in_all_axes_is_told_by_its_values() -> None:
    square = np.random.default_rng(0).normal(size=(2, 4, 4, 4)).astype(np.float32)
    assert len(permuted_layouts({"y": square.transpose(0, 2, 3, 1)}, {"y": square}, "e")) == 1
    assert permuted_layouts({"y": square[0]}, {"y": square[0]}, "e") == ()
