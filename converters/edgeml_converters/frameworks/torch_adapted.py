"""A PyTorch module as one of plain inputs by position, first axis the sample, whatever it takes.

Arguments by keyword, tensors inside of tuples and dicts, and samples on another axis stay inside: a
file has inputs by name, and everything here counts samples along the first axis.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from edgeml.errors import InputError
from edgeml_converters.asked import Asked, check_axis
from edgeml_converters.formats.tensors import AROUND, Arrays, ModelInput
from edgeml_converters.frameworks.base import name_outputs
from edgeml_converters.frameworks.nested import flatten, nest
from edgeml_converters.frameworks.torch_model import TorchModel

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class Adapted(torch.nn.Module):  # type: ignore[misc]
    """inner: what it calls, by keyword where `by_keyword`; names: of its inputs."""

    def __init__(self, inner: Any, names: Sequence[str], by_keyword: bool, asked: Asked) -> None:
        super().__init__()
        setattr(self, AROUND, inner)
        self._names = tuple(names)
        self._by_keyword = by_keyword
        self._asked = asked

    def forward(self, *tensors: torch.Tensor) -> Any:
        values = {
            name: self._inward(name, tensor)
            for name, tensor in zip(self._names, tensors, strict=True)
        }
        inner: Any = getattr(self, AROUND)
        answer = inner(**nest(values)) if self._by_keyword else inner(*values.values())
        return {name: self._outward(name, value) for name, value in name_outputs(answer).items()}

    def _inward(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        axis = self._asked.batch_axis(name)
        if axis is None:
            return tensor.squeeze(0)
        check_axis(name, axis, tensor.dim())
        # In the order of its own axes, as the model itself gives it back: a scan that exporters
        # make of a recurrent layer takes no other.
        return tensor.movedim(0, axis).contiguous() if axis else tensor

    def _outward(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        axis = self._asked.batch_axis(name)
        if axis is None:
            return tensor.unsqueeze(0)
        check_axis(name, axis, tensor.dim())
        return tensor.movedim(axis, 0)


def adapted(model: TorchModel, keys: Sequence[str], asked: Asked) -> TorchModel:
    """The model as it is where it takes what `keys`, the names in the data, give by position.

    Raises InputError for TorchScript whose samples are on another axis.
    """
    inputs = _by_keyword(model, keys)
    if not (model.inputs or inputs):
        raise InputError(
            "forward() has no named parameter, and no sample says what it takes; give --data with "
            "an array for each input, or name them."
        )
    if inputs is None and not asked.batch_axes:
        return model
    if model.form == "script":
        raise InputError(
            "--batch-axis needs a module or an exported program, but this is TorchScript; save the "
            "model with torch.export.save, or name the callable that builds it."
        )
    chosen = model.inputs if inputs is None else inputs
    module = with_signature(Adapted, [one.name for one in chosen])(
        model.call, [one.name for one in chosen], inputs is not None, asked
    )
    module.training = False  # exported programs refuse eval(), which they do not need
    around = model.around(module, chosen)
    if any(asked.batch_axis(one.name) is None for one in chosen):
        around.batch = 1
    return around


def answering_plainly(model: TorchModel, arrays: Arrays) -> TorchModel:
    """The model as one that answers a dict where exporters do not know the class that it answers,
    such as a data class; as it is elsewhere."""
    if model.form != "module":
        return model
    with torch.no_grad():
        answer = model.call(*model.tensors(arrays))
    if all(one is None or isinstance(one, torch.Tensor) for one in tree_leaves(answer)):
        return model
    names = [one.name for one in model.inputs if one.name in arrays]
    module = with_signature(Adapted, names)(model.call, names, False, Asked())
    return model.around(module.eval(), model.inputs)


def _by_keyword(model: TorchModel, keys: Sequence[str]) -> tuple[ModelInput, ...] | None:
    """The inputs that the keys name, in the order of the parameters; None where positions do."""
    if model.form != "module" or not isinstance(model.target, torch.nn.Module):
        return None
    parameters = inspect.signature(model.target.forward).parameters
    kinds = {name: parameter.kind for name, parameter in parameters.items()}
    heads = [key.partition(".")[0] for key in keys]
    rest = any(kind is inspect.Parameter.VAR_KEYWORD for kind in kinds.values())
    required = [name for name, one in parameters.items() if one.default is one.empty]
    needed = {name for name in required if kinds[name] in _BY_NAME}
    if not keys or not needed <= set(heads):
        return None
    taken = {
        key: head for key, head in zip(keys, heads, strict=True) if kinds.get(head) in _BY_NAME
    }
    others = [key for key in keys if key not in taken]
    if others and not rest:
        return None  # which `bind` says of the names in the data
    positions = list(parameters)
    order = sorted(taken, key=lambda key: positions.index(taken[key]))
    plain = [name for name in positions if kinds[name] in _BY_NAME][: len(order)]
    only = any(kinds[head] is inspect.Parameter.KEYWORD_ONLY for head in taken.values())
    if order == plain and not only and not others:
        return None
    return tuple(ModelInput(name=name) for name in (*order, *others))


def with_signature(kind: type[Any], names: Sequence[str]) -> type[Any]:
    """The module's class with these inputs in the signature of forward(), which exporters read."""

    def forward(self: Any, *tensors: torch.Tensor) -> Any:
        return kind.forward(self, *tensors)

    position = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = identifiers(names)
    forward.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, position) for name in ("self", *parameters)]
    )
    return type(kind.__name__, (kind,), {"forward": forward})


def identifiers(names: Sequence[str]) -> list[str]:
    """As Python spells them: names of tensors may have dots."""
    used: dict[str, None] = {}
    for name in names:
        spelled = "".join(c if c.isalnum() or c == "_" else "_" for c in name)
        while spelled in used or not spelled.isidentifier():
            spelled = f"_{spelled}"
        used[spelled] = None
    return list(used)


def flat_samples(samples: object, module: torch.nn.Module) -> Mapping[str, Any] | object:
    """Samples that came with a module by the paths to them, where one is inside of another."""
    if isinstance(samples, Mapping):
        return flatten(samples)
    if not isinstance(samples, list | tuple):
        return samples
    names = [
        name
        for name, one in inspect.signature(module.forward).parameters.items()
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
    ]
    if len(samples) > len(names):
        return samples
    return flatten(dict(zip(names, samples, strict=False)))
