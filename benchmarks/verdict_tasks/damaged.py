"""A net with a fault of a size: in its weights, or in what it answers."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from edgeml.parity.roles import channel_axis
from verdict_tasks.quantised import layers
from verdict_tasks.task import Answers, Array, Task, answers

Rng = np.random.Generator
_CHANCES = ("probabilities", "scores", "mask")


FEW = ("saturated column", "swapped columns", "few of others", "few noisy")
"""Faults that only a share of the samples has: by chance none of them may be drawn."""


@dataclass(frozen=True)
class Damage:
    """size: from none (0) to all (1); seed: of where it is."""

    fault: str
    size: float
    seed: int

    def __str__(self) -> str:
        return f"{self.fault} {self.size:.3g}"


def drawn(rng: Rng, count: int) -> list[Damage]:
    """All faults in turn, with sizes evenly spread over the orders of magnitude of each."""
    faults = {**_IN_WEIGHTS, **_IN_ANSWERS}
    found: list[Damage] = []
    for number in range(count):
        fault = list(faults)[number % len(faults)]
        least, most = faults[fault][1]
        size = float(np.exp(rng.uniform(np.log(least), np.log(most))))
        found.append(Damage(fault, size, int(rng.integers(2**31))))
    return found


def damaged(task: Task, damage: Damage, own: Answers) -> Answers:
    """own: what the model answers."""
    rng = np.random.default_rng(damage.seed)
    if damage.fault in _IN_WEIGHTS:
        net = copy.deepcopy(task.net)
        of = list(layers(net).values())
        _IN_WEIGHTS[damage.fault][0](of[rng.integers(len(of))], rng, damage.size)
        return answers(net, task.inputs)
    output, role = task.says[rng.integers(len(task.says))]
    axis = channel_axis(role, own[output].shape)
    assert axis is not None
    columns = np.array(np.moveaxis(own[output], axis, -1))
    _IN_ANSWERS[damage.fault][0](columns, rng, damage.size)
    if role.kind in _CHANCES:
        columns = np.clip(columns, 0, 1)
    return {**own, output: np.ascontiguousarray(np.moveaxis(columns, -1, axis))}


def _some(count: int, rng: Rng, share: float) -> Array:
    """At least one of `count`."""
    return rng.permutation(count)[: max(1, round(share * count))]


def _weak(layer: nn.Module, rng: Rng, size: float) -> None:
    """At 1 the layer is gone but for its bias."""
    layer.weight.data *= 1 - size


def _strong(layer: nn.Module, rng: Rng, size: float) -> None:
    layer.weight.data *= 1 + size


def _dead_units(layer: nn.Module, rng: Rng, size: float) -> None:
    rows = torch.from_numpy(_some(len(layer.weight), rng, size))
    layer.weight.data[rows] = 0
    layer.bias.data[rows] = 0


def _swapped_units(layer: nn.Module, rng: Rng, size: float) -> None:
    rows = _some(len(layer.weight), rng, size)
    for parameter in (layer.weight.data, layer.bias.data):
        parameter[torch.from_numpy(rows)] = parameter[torch.from_numpy(np.roll(rows, 1))]


def _pruned(layer: nn.Module, rng: Rng, size: float) -> None:
    weight = layer.weight.data
    weight[weight.abs() < weight.abs().flatten().quantile(size)] = 0


def _no_bias(layer: nn.Module, rng: Rng, size: float) -> None:
    layer.bias.data *= 1 - size


def _noisy_weights(layer: nn.Module, rng: Rng, size: float) -> None:
    weight = layer.weight.data
    noise = rng.normal(0, size * float(weight.std()), tuple(weight.shape))
    weight += torch.from_numpy(noise.astype(np.float32))


def _dead_column(columns: Array, rng: Rng, size: float) -> None:
    one = columns[..., rng.integers(columns.shape[-1])]
    one += np.float32(size) * (one.mean() - one)


def _biased_column(columns: Array, rng: Rng, size: float) -> None:
    one = columns[..., rng.integers(columns.shape[-1])]
    one += np.float32(size * one.std() * rng.choice([-1, 1]))


def _saturated_column(columns: Array, rng: Rng, size: float) -> None:
    one = columns[..., rng.integers(columns.shape[-1])]
    np.minimum(one, np.quantile(one, 1 - size), out=one)


def _swapped_columns(columns: Array, rng: Rng, size: float) -> None:
    """In a share of the samples; a single column is turned around its mean."""
    rows = _some(len(columns), rng, size)
    if columns.shape[-1] == 1:
        columns[rows] = 2 * columns.mean() - columns[rows]
        return
    a, b = rng.permutation(columns.shape[-1])[:2]
    columns[rows[:, None], ..., [a, b]] = columns[rows[:, None], ..., [b, a]]


def _few_of_others(columns: Array, rng: Rng, size: float) -> None:
    """A share of the samples gets the answers of others."""
    rows = _some(len(columns), rng, size)
    columns[rows] = columns[np.roll(rows, 1)]


def _few_noisy(columns: Array, rng: Rng, size: float) -> None:
    rows = _some(len(columns), rng, size)
    spread = columns.std(axis=tuple(range(columns.ndim - 1)))
    columns[rows] += (rng.normal(size=columns[rows].shape) * spread).astype(columns.dtype)


def _all_noisy(columns: Array, rng: Rng, size: float) -> None:
    spread = columns.std(axis=tuple(range(columns.ndim - 1)))
    columns += (rng.normal(size=columns.shape) * spread * size).astype(columns.dtype)


InWeights = Callable[[nn.Module, Rng, float], None]
InAnswers = Callable[[Array, Rng, float], None]
_IN_WEIGHTS: dict[str, tuple[InWeights, tuple[float, float]]] = {
    "weak layer": (_weak, (0.005, 1)),
    "strong layer": (_strong, (0.005, 1)),
    "dead units": (_dead_units, (0.01, 0.6)),
    "swapped units": (_swapped_units, (0.02, 0.6)),
    "pruned": (_pruned, (0.02, 0.8)),
    "bias lost": (_no_bias, (0.02, 1)),
    "noisy weights": (_noisy_weights, (0.005, 1)),
}
_IN_ANSWERS: dict[str, tuple[InAnswers, tuple[float, float]]] = {
    "dead column": (_dead_column, (0.01, 1)),
    "biased column": (_biased_column, (0.002, 1)),
    "saturated column": (_saturated_column, (0.001, 0.5)),
    "swapped columns": (_swapped_columns, (0.002, 1)),
    "few of others": (_few_of_others, (0.001, 0.3)),
    "few noisy": (_few_noisy, (0.002, 0.5)),
    "all noisy": (_all_noisy, (0.002, 1)),
}
