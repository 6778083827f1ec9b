"""A state dict for a PyTorch module that was built without one; nothing in it is executed."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeGuard

import torch

from edgeml.errors import InputError
from edgeml_converters.frameworks.pickles import tensors_only

_NAMES = 3  # enough to see what a state dict is of; a model may lack hundreds


def load_weights(module: torch.nn.Module, path: Path) -> None:
    """Raises InputError when the file is no state dict of this very module."""
    weights = _read(path)
    own = module.state_dict()
    missing, unknown = own.keys() - weights.keys(), weights.keys() - own.keys()
    if missing or unknown:
        faults = [f"lacks {_some(missing)}"] if missing else []
        faults += [f"has {_some(unknown)} besides"] if unknown else []
        raise InputError(
            f"{path.name} is no state dict of {type(module).__name__}: it {' and '.join(faults)}; "
            "build the model that it was saved from, or save its state_dict() again."
        )
    for name, tensor in own.items():
        if isinstance(tensor, torch.Tensor) and tensor.shape != weights[name].shape:
            raise InputError(
                f"{name!r} must have shape {_shape(tensor)}, but has {_shape(weights[name])} in "
                f"{path.name}; build the model with the sizes that it was saved with."
            )
    module.load_state_dict(weights, strict=True)


def _read(path: Path) -> Mapping[str, Any]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        tensors: dict[str, Any] = load_file(path)
        return tensors
    with tensors_only(path, "save model.state_dict() alone with torch.save, or as .safetensors"):
        saved = torch.load(path, map_location="cpu", weights_only=True)
    return _state_dict(saved, path)


def _state_dict(saved: object, path: Path) -> Mapping[str, Any]:
    """`saved` itself, or the only state dict in it where it is a checkpoint of a training."""
    if _is_state_dict(saved):
        return saved
    inner: Mapping[Any, Any] = saved if isinstance(saved, Mapping) else {}
    nested = [key for key, value in inner.items() if _is_state_dict(value)]
    if len(nested) != 1:
        raise InputError(
            f"{path.name} must hold one state dict, but holds "
            + (f"{_some(map(str, nested))}" if nested else f"a {type(saved).__name__} without one")
            + "; save model.state_dict() alone with torch.save."
        )
    weights: Mapping[str, Any] = inner[nested[0]]
    return weights


def _is_state_dict(value: object) -> TypeGuard[Mapping[str, Any]]:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in value.items())
    )


def _some(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - _NAMES} more" if len(ordered) > _NAMES else ""
    return ", ".join(map(repr, ordered[:_NAMES])) + more


def _shape(tensor: torch.Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "no axis"
