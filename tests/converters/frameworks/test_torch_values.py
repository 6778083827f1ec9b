"""Where a module branches on values: found in its source, whatever the exporter says of it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgeml.errors import ConversionError
from edgeml_converters.frameworks.torch_model import TorchModel, wrap
from edgeml_converters.frameworks.torch_reads import places_that_read
from edgeml_converters.frameworks.torch_values import explained
from edgeml_converters.routes import torch_onnx
from tests.converters import torch_models

# Exporters warn of their own calls.
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]
X = np.ones((2, 3), np.float32)
BRANCH = "torch_models.py:{} (if x.max() > 20:)"


def _branch() -> str:
    lines = Path(torch_models.__file__).read_text().splitlines()
    return BRANCH.format(next(n for n, line in enumerate(lines, 1) if "x.max() > 20" in line))


def _guarded() -> TorchModel:
    model = wrap(torch_models.guarded())
    assert isinstance(model, TorchModel)
    return model


def test_a_trace_says_which_branches_on_values_it_froze_and_not_those_on_weights_and_shapes(
    tmp_path: Path,
) -> None:
    converted = torch_onnx.by_torchscript(_guarded(), {"x": X}, ("output",), tmp_path)
    assert converted.frozen == (_branch(),)


def test_what_an_exporter_says_of_values_names_the_line() -> None:
    model = _guarded()
    with pytest.raises(ConversionError) as caught, explained(model, {"x": X}):
        torch.onnx.export(model.target, model.tensors({"x": X}), dynamo=True)
    assert _branch() in str(caught.value) and "torch.cond" in str(caught.value)


def test_what_python_says_of_a_stand_in_for_a_value_names_the_line() -> None:
    with pytest.raises(ConversionError) as caught, explained(_guarded(), {"x": X}):
        raise TypeError("Abstract tracer value encountered where concrete value is expected")
    assert _branch() in str(caught.value)


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("no dim\nof this", r"^ValueError: no dim$"),
        (KeyError(torch.uint16), r"^litert-torch has no uint16; "),
        ("Lowering not found: aten.lu\n", r"^litert-torch cannot convert the operator aten\.lu; "),
    ],
)
def test_other_errors_are_told_by_their_first_cause(first: Exception | str, told: str) -> None:
    def fail() -> None:
        try:
            raise ValueError(first) if isinstance(first, str) else first
        except ValueError as error:
            raise RuntimeError("step 1/3. Next steps:") from error

    with (
        pytest.raises(ConversionError, match=told),
        explained(_guarded(), {"x": X}),
    ):
        fail()


class Reads(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        low = float(x.numpy().min())
        high = max(max(row) for row in x.tolist())
        for _ in range(int(x[0, 0])):
            x = x + 1
        return x * low * high


def test_every_way_to_read_a_tensor_is_seen_once() -> None:
    places = places_that_read(Reads(), [torch.ones(2, 3)])
    assert [place.text.split()[0] for place in places] == ["low", "high", "for"]


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        y = torch.cond(x.sum() > 0, torch.exp, torch.abs, (x,))
        if float(y.max()) > 3:
            y = y - 1
        return y


def test_torch_cond_is_no_reading_and_what_it_answers_is_followed() -> None:
    places = places_that_read(Branching(), [torch.ones(2, 3)])
    assert [place.text.strip() for place in places] == ["if float(y.max()) > 3:"]
