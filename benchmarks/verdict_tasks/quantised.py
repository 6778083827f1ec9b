"""A net as it answers at few bits: its weights, and what each layer takes in, are rounded.

Weights are symmetric, for a whole tensor or each of its output channels; activations have one range
for a tensor, from the calibration rows, of which a share is clipped at each end.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from verdict_tasks.task import Answers, Array, Task, answers

Kept = dict[str, Array]
"""What each layer, or output, holds on the calibration rows; at most `_KEPT` values."""
_KEPT = 50_000
_TURN, _FLOAT = 0.1, 3e-7  # elsewhere: of a step, and of a value
_WEIGHTS, _ACTIVATIONS = (8, 8, 6, 5, 4, 3), (None, 8, 8, 7, 6, 5, 4)
_CLIPPED = (0.0, 1e-4, 1e-3, 0.01, 0.03)


@dataclass(frozen=True)
class Quantised:
    """weights, activations: bits, None for float. clipped: share at each end. answer: whether the
    outputs are quantised as well, as where a whole graph is."""

    weights: int
    activations: int | None
    by_channel: bool
    clipped: float
    answer: bool

    def __str__(self) -> str:
        where = "channel" if self.by_channel else "tensor"
        return f"w{self.weights} a{self.activations} {where} {self.clipped:g} {self.answer}"


def drawn(rng: np.random.Generator, count: int) -> list[Quantised]:
    """Different ones; plain int8, by channel and by tensor, is always among them."""
    found = [Quantised(8, 8, True, 0.0, True), Quantised(8, 8, False, 0.0, True)]
    while len(found) < count:
        some = Quantised(
            _WEIGHTS[rng.integers(len(_WEIGHTS))], _ACTIVATIONS[rng.integers(len(_ACTIVATIONS))],
            bool(rng.random() < 0.5), _CLIPPED[rng.integers(len(_CLIPPED))],
            bool(rng.random() < 0.5),
        )  # fmt: skip
        if some not in found:
            found.append(some)
    return found


def layers(net: nn.Module) -> dict[str, nn.Module]:
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d)
    return {name: module for name, module in net.named_modules() if isinstance(module, kinds)}


def kept(task: Task) -> Kept:
    found: dict[str, list[Array]] = {}

    def keeper(name: str) -> Callable[..., None]:
        def keep(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            found.setdefault(name, []).append(inputs[0].numpy().ravel())

        return keep

    hooks = [m.register_forward_pre_hook(keeper(name)) for name, m in layers(task.net).items()]
    outputs = answers(task.net, task.calibration)
    for hook in hooks:
        hook.remove()
    values = {name: np.concatenate(parts) for name, parts in found.items()}
    values |= {f"-> {name}": array.ravel() for name, array in outputs.items()}
    return {name: array[:: -(-len(array) // _KEPT)] for name, array in values.items()}


def quantised(
    task: Task, how: Quantised, values: Kept, elsewhere: torch.Generator | None = None
) -> Answers:
    """elsewhere: as another processor rounds, at random: see device.py."""
    net = copy.deepcopy(task.net)
    for name, module in layers(net).items():
        weight = module.weight.data
        axes = tuple(range(1, weight.ndim)) if how.by_channel else tuple(range(weight.ndim))
        most = 2 ** (how.weights - 1) - 1
        step = (weight.abs().amax(axes, keepdim=True) / most).clamp(min=1e-12)
        weight.copy_((weight / step).round().clamp(-most, most) * step)
        if how.activations is not None:
            module.register_forward_pre_hook(_rounding(values[name], how, elsewhere))
        elif elsewhere is not None:
            module.register_forward_pre_hook(_off(elsewhere))
    found = answers(net, task.inputs)
    if not how.answer or how.activations is None:
        return found
    return {
        name: _rounded(
            torch.from_numpy(array), *_range(values[f"-> {name}"], how), elsewhere
        ).numpy()
        for name, array in found.items()
    }


def _off(elsewhere: torch.Generator) -> Callable[..., tuple[torch.Tensor]]:
    def off(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
        x = inputs[0]
        return (x * (1 + _FLOAT * torch.randn(x.shape, generator=elsewhere)),)

    return off


def _rounding(
    values: Array, how: Quantised, elsewhere: torch.Generator | None
) -> Callable[..., tuple[torch.Tensor]]:
    step, zero, most = _range(values, how)

    def rounding(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
        return (_rounded(inputs[0], step, zero, most, elsewhere),)

    return rounding


def _range(values: Array, how: Quantised) -> tuple[float, int, int]:
    """Step, zero point and largest number; zero is always in the range."""
    assert how.activations is not None
    low, high = np.quantile(values, [how.clipped, 1 - how.clipped])
    low, high = min(0.0, float(low)), max(0.0, float(high))
    most = 2**how.activations - 1
    step = max((high - low) / most, 1e-12)
    return step, round(-low / step), most


def _rounded(
    x: torch.Tensor, step: float, zero: int, most: int, elsewhere: torch.Generator | None
) -> torch.Tensor:
    steps = x / step
    if elsewhere is not None:
        steps = steps + _TURN * (2 * torch.rand(x.shape, generator=elsewhere) - 1)
    return (steps.round().add(zero).clamp(0, most) - zero) * step
