"""What any framework's model may answer."""

from typing import Any

import numpy as np
import pytest

from edgeml.errors import InputError
from edgeml_converters.formats.tensors import Array, Arrays
from edgeml_converters.frameworks.base import Model


class Nothing(Model):
    framework = "none"
    form = "none"
    inputs = ()
    batch = None

    def _predict(self, arrays: Arrays) -> dict[str, Array]:
        return {"y": arrays["x"], "none": arrays["x"][:, :0]}


def test_an_output_without_values_is_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match=r"'none' holds no values, shape \[3, 0\]; let the model"):
        Nothing().predict({"x": np.ones((3, 2), np.float32)})


class Counts(Nothing):
    def _predict(self, arrays: Arrays) -> dict[str, Array]:
        return {"y": arrays["x"], "count": np.array(1.0)}


def test_one_number_for_all_samples_is_refused_in_a_sentence() -> None:
    with pytest.raises(InputError, match=r"'count' is one number for all samples"):
        Counts().predict({"x": np.ones((3, 2), np.float32)})
    assert Counts().predict({"x": np.ones((1, 2), np.float32)})["count"].shape == (1,)


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (np.array(["a", "b"], object), "holds text and no numbers"),
        ([{0: 0.5}, {0: 0.25}], "holds a list and no numbers; leave it out"),
        (np.ones(2, np.complex64), "holds complex64 and no numbers"),
    ],
)
def test_what_holds_no_numbers_is_refused_in_a_sentence(held: Any, told: str) -> None:
    class Labels(Nothing):
        def _predict(self, arrays: Arrays) -> dict[str, Array]:
            return {"y": arrays["x"], "label": held}

    with pytest.raises(InputError, match=rf"'label' {told}"):
        Labels().predict({"x": np.ones((2, 2), np.float32)})
