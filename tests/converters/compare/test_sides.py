"""Which input of a model takes which array of the data."""

from typing import Any

import numpy as np
import pytest

from edgeml.errors import InputError
from edgeml_converters.compare.sides import Side, input_names, told_apart
from edgeml_converters.formats.tensors import ModelInput


class _Named(Side):
    def open(self) -> None: ...

    def run(self, arrays: Any, names: Any, feedback: Any = None) -> dict[str, Any]:
        return {}

    def close(self) -> None: ...


def test_inputs_are_chosen_by_name_and_then_by_what_fits() -> None:
    side = _Named("net", "engine")
    x, y = np.zeros((5, 3), np.float32), np.zeros((5, 2), np.int64)
    wanted = (
        ModelInput(name="p", dtype="int64", shape=(None, 2)),
        ModelInput(name="q", dtype="float32", shape=(1, 3)),
    )
    assert input_names({"x": x, "y": y}, wanted, side) == [{"x": "q", "y": "p"}]
    assert input_names({"p": y, "q": x}, wanted, side) == [{"p": "p", "q": "q"}]
    unknown = (ModelInput(name="a"), ModelInput(name="b"), ModelInput(name="c", required=False))
    assert len(input_names({"x": x, "y": y}, unknown, side)) == 2
    assert input_names({"a": x, "b": y, "c": y}, unknown, side) == [{"a": "a", "b": "b", "c": "c"}]
    with pytest.raises(InputError, match=r"net takes 'a' \(any type\), 'b' \(any type\)"):
        input_names({"x": x}, unknown[:2], side)


@pytest.mark.parametrize(
    ("a", "b", "called"),
    [
        ("old/net.onnx", "net.tflite", ("net.onnx", "net.tflite")),
        ("out/onnx-fp32/model.onnx", "out/onnx-int8/model.onnx",
         ("onnx-fp32/model.onnx", "onnx-int8/model.onnx")),
        ("1/out/model.onnx", "2/out/model.onnx", ("1/out/model.onnx", "2/out/model.onnx")),
        ("model.onnx", "out/model.onnx", ("model.onnx", "out/model.onnx")),
        ("out/model.onnx", "out/model.onnx", ("model.onnx", "model.onnx")),
        ("a.edgeml:onnx-fp32", "a.edgeml:onnx-int8", ("a.edgeml:onnx-fp32", "a.edgeml:onnx-int8")),
    ],
)  # fmt: skip
def test_two_models_have_names_that_tell_them_apart(
    a: str, b: str, called: tuple[str, str]
) -> None:
    assert told_apart(a, b) == called
