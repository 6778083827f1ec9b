"""What a trace freezes of a module's own code is found, and nothing else is called frozen."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from edgeml.errors import ConversionError
from edgeml_converters.frameworks.torch_model import TorchModel, wrap
from edgeml_converters.frameworks.torch_values import caught
from edgeml_converters.routes import torch_onnx

# Exporters warn of their own calls.
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore")]
X = np.ones((2, 3), np.float32)


def scripted(x: Tensor) -> Tensor:
    if bool(x.max() > 2):
        x = x / 255
    return x


class Odd(nn.Module):
    """way: one of the functions below."""

    def __init__(self, way: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.way = way
        self.weight = nn.Parameter(torch.tensor([2.0, 0.0, 1.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.way(x, self.weight) * 2


def by_asarray(x: Tensor, _: Tensor) -> Tensor:
    return x / 255 if np.asarray(x).max() > 2 else x  # branch


def by_a_function_of_numpy(x: Tensor, _: Tensor) -> Tensor:
    return x / float(np.median(x.data))  # branch


def by_the_size_of_what_a_mask_leaves(x: Tensor, _: Tensor) -> Tensor:
    n = torch.where(x > 2)[0].shape[0]
    if n > 0:  # branch
        x = x / 255
    return x


def by_the_length_of_what_a_mask_leaves(x: Tensor, _: Tensor) -> Tensor:
    return x / 255 if len(x[x > 2]) > 0 else x  # branch


def by_the_rows_of_what_is_not_zero(x: Tensor, _: Tensor) -> Tensor:
    for i in (x > 0).any(0).nonzero().flatten():  # branch
        x = torch.index_fill(x, 1, i[None], 0.5)
    return x


def by_equality(x: Tensor, _: Tensor) -> Tensor:
    return x if torch.equal(x, x.clamp(max=2)) else x / 255  # branch


def by_an_index(x: Tensor, _: Tensor) -> Tensor:
    return x * [1.0, 5.0][(x > 2).any().long()]  # branch


def by_text(x: Tensor, _: Tensor) -> Tensor:
    return x * float(f"{x.max():.2f}")  # branch


def by_a_tensor_of_numbers(x: Tensor, _: Tensor) -> Tensor:
    return x * torch.tensor([x.max()])  # branch


def by_what_was_written_to_a_view(x: Tensor, _: Tensor) -> Tensor:
    y = torch.zeros(2)
    y[0] = x.max()
    return x / 255 if y[0] > 2 else x  # branch


def by_a_number_that_is_checked_and_kept(x: Tensor, _: Tensor) -> Tensor:
    if (most := x.max().item()) > 1e9:  # branch
        raise ValueError(most)
    return x / most


@pytest.mark.parametrize(
    "way",
    [
        by_asarray,
        by_a_function_of_numpy,
        by_the_size_of_what_a_mask_leaves,
        by_the_length_of_what_a_mask_leaves,
        by_the_rows_of_what_is_not_zero,
        by_equality,
        by_an_index,
        by_text,
        by_a_tensor_of_numbers,
        by_what_was_written_to_a_view,
        by_a_number_that_is_checked_and_kept,
    ],
)
def test_a_trace_freezes_no_way_to_read_a_value_without_a_word(
    tmp_path: Path, way: Callable[[Tensor, Tensor], Tensor]
) -> None:
    frozen = _traced(way, tmp_path)
    assert len(frozen) == 1 and frozen[0].endswith("# branch)")


def asserts(x: Tensor, _: Tensor) -> Tensor:
    assert not torch.isnan(x).any()
    return x


def raises(x: Tensor, _: Tensor) -> Tensor:
    if not bool(torch.isfinite(x).all()):
        raise ValueError("not finite")
    return x


def raises_by_a_function(x: Tensor, _: Tensor) -> Tensor:
    def bad(x: Tensor) -> bool:
        return bool(torch.isnan(x).any())

    if bad(x):
        raise ValueError("not finite")
    return x


def says(x: Tensor, _: Tensor) -> Tensor:
    logging.getLogger("model").debug("most %s", x.max().item())
    return x


def calls_a_script(x: Tensor, _: Tensor) -> Tensor:
    return torch.jit.script(scripted)(x)


def uses_a_size_as_a_number(x: Tensor, _: Tensor) -> Tensor:
    return x / (1 + (x > 0).nonzero().shape[0])


def reads_ones(x: Tensor, _: Tensor) -> Tensor:
    return x if torch.ones_like(x).all() else x * 2


def reads_weights(x: Tensor, weight: Tensor) -> Tensor:
    return torch.stack([x[:, int(i)] for i in weight], 1)


@pytest.mark.parametrize(
    "way",
    [
        asserts,
        raises,
        raises_by_a_function,
        says,
        calls_a_script,
        uses_a_size_as_a_number,
        reads_ones,
        reads_weights,
    ],
)
def test_what_changes_no_answer_is_no_branch(
    tmp_path: Path, way: Callable[[Tensor, Tensor], Tensor]
) -> None:
    assert _traced(way, tmp_path) == ()


class Padded(nn.Module):
    """An encoder, which looks at its mask to find the fastest way to one and the same answer."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 1
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(x[..., None].expand(-1, -1, 4), src_key_padding_mask=x > 2)


def test_what_pytorch_reads_for_itself_is_no_branch(tmp_path: Path) -> None:
    model = wrap(Padded())
    assert isinstance(model, TorchModel)
    assert torch_onnx.by_torchscript(model, {"x": X}, ("output",), tmp_path).frozen == ()


class Guarded(nn.Module):
    """Its convolution's weights are constants to a trace that is watched."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(1, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        if x.max() > 2:  # branch
            x = x / 255
        return self.layer(x[:, None]).mean(2)


def test_a_branch_is_found_in_front_of_a_convolution(tmp_path: Path) -> None:
    model = wrap(Guarded())
    assert isinstance(model, TorchModel)
    (place,) = torch_onnx.by_torchscript(model, {"x": X}, ("output",), tmp_path).frozen
    assert place.endswith("# branch)")
    assert all(weight.requires_grad for weight in model.target.parameters())


def _traced(way: Callable[[Tensor, Tensor], Tensor], folder: Path) -> tuple[str, ...]:
    return torch_onnx.by_torchscript(_model(way), {"x": X}, ("output",), folder).frozen


def _model(way: Callable[[Tensor, Tensor], Tensor]) -> TorchModel:
    model = wrap(Odd(way))
    assert isinstance(model, TorchModel)
    return model


def catches(x: Tensor, _: Tensor) -> Tensor:
    try:
        if x.max() > 2:  # branch
            x = x / 255
    except RuntimeError:
        pass
    return x


def test_a_model_that_catches_what_an_exporter_raises_goes_no_way_without_a_word(
    tmp_path: Path,
) -> None:
    (place,) = torch_onnx.by_dynamo(_model(catches), {"x": X}, ("output",), tmp_path).frozen
    assert place.endswith("(if x.max() > 2:  # branch)")
    assert caught(_model(by_text), {"x": X}) == ()


@pytest.mark.parametrize(
    ("way", "told"),
    [
        (asserts, r"the check of values at .*assert not torch\.isnan"),
        (reads_weights, r"reads out of its weights at .*for i in weight.*__init__"),
        (by_text, r"reads out of its tensors at .*# branch"),
        (by_asarray, r"reads out of its tensors at .*# branch"),
        (by_equality, r"reads out of its tensors at .*# branch"),
        (by_the_length_of_what_a_mask_leaves, r"reads out of its tensors at .*# branch"),
    ],
)
def test_what_stops_an_exporter_is_told_by_its_line(
    tmp_path: Path, way: Callable[[Tensor, Tensor], Tensor], told: str
) -> None:
    with pytest.raises(ConversionError, match=told):
        torch_onnx.by_dynamo(_model(way), {"x": X}, ("output",), tmp_path)
