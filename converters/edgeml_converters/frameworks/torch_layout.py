"""A PyTorch model whose images are transposed on the way in and out."""

from typing import Any

import torch

from edgeml_converters.formats.tensors import AROUND
from edgeml_converters.frameworks.axes import transposed_inputs
from edgeml_converters.frameworks.base import Model, name_outputs
from edgeml_converters.frameworks.torch_adapted import with_signature
from edgeml_converters.frameworks.torch_model import TorchModel


class Transposed(torch.nn.Module):  # type: ignore[misc]
    """model: a TorchModel; inward, outward: the axes as in numpy's transpose."""

    def __init__(self, model: Any, inward: tuple[int, ...], outward: tuple[int, ...]) -> None:
        super().__init__()
        setattr(self, AROUND, model.call)
        self._inward = inward
        self._outward = outward

    def forward(self, *tensors: torch.Tensor) -> Any:
        answer = getattr(self, AROUND)(*(_transposed(tensor, self._inward) for tensor in tensors))
        return {
            name: _transposed(value, self._outward) for name, value in name_outputs(answer).items()
        }


def wrap(model: Model, inward: tuple[int, ...], outward: tuple[int, ...]) -> Model:
    assert isinstance(model, TorchModel)
    names = [one.name for one in model.inputs]
    module = with_signature(Transposed, names)(model, inward, outward)
    module.training = False  # exported programs refuse eval(), which they do not need
    return model.around(module, transposed_inputs(model.inputs, outward))


def _transposed(tensor: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    return tensor.permute(axes) if tensor.dim() == 4 else tensor
