"""Faults of growing size, the same at the same seed."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from tests.converters.zoo.members.member import Array, Damage, Rng

MORE = tuple(2.0**power for power in range(-9, 2))
SHARES = tuple(size for size in MORE if size <= 1)


def noisy_weights() -> Damage:
    """Normal noise on all weights; size: in shares of the spread of a layer's."""

    def change(net: nn.Module, size: float, rng: Rng) -> None:
        for weight in _weights(net):
            noise = rng.normal(0, float(weight.std()), tuple(weight.shape))
            weight += torch.from_numpy((size * noise).astype(np.float32))

    return Damage("noise on the weights", change, MORE)


def coarse_weights() -> Damage:
    """All weights rounded to steps; size: of a step in shares of the layer's largest, where int8
    has 1/127."""

    def change(net: nn.Module, size: float, rng: Rng) -> None:
        for weight in _weights(net):
            step = size * weight.abs().max()
            weight.copy_((weight / step).round() * step)

    return Damage("coarser weights", change, SHARES)


def fading(name: str, output: str, place: Sequence[slice | int]) -> Damage:
    """A part of an output comes nearer to its mean; size: 1 where nothing else is left.

    place: behind the sample's axis.
    """

    def change(found: dict[str, Array], size: float, rng: Rng) -> None:
        part = found[output][:, *place]
        part += np.float32(size) * (part.mean(dtype=np.float64).astype(np.float32) - part)

    return Damage(f"{name} fading", change, SHARES)


def shrinking(name: str) -> Damage:
    """An input or output comes nearer to 0; size: 1 where nothing is left."""

    def change(arrays: dict[str, Array], size: float, rng: Rng) -> None:
        array = arrays[name]
        array *= np.float32(1 - size)

    return Damage(f"{name} times 1 - size", change, SHARES)


def shifted(name: str, output: str, place: Sequence[slice | int]) -> Damage:
    """A part of an output is larger by a constant; size: in shares of its spread."""

    def change(found: dict[str, Array], size: float, rng: Rng) -> None:
        part = found[output][:, *place]
        part += np.float32(size * part.std(dtype=np.float64))

    return Damage(f"{name} shifted", change, MORE)


def noisy(output: str) -> Damage:
    """Normal noise on an output; size: in shares of its spread."""

    def change(found: dict[str, Array], size: float, rng: Rng) -> None:
        array = found[output]
        array += (rng.normal(0, array.std(), array.shape) * size).astype(np.float32)

    return Damage(f"noise on {output}", change, MORE)


def mixed_up(a: str, b: str) -> Damage:
    """Each of two outputs takes a share of the other; at 1 they are swapped."""

    def change(found: dict[str, Array], size: float, rng: Rng) -> None:
        more = np.float32(size) * (found[b] - found[a])
        found[a], found[b] = found[a] + more, found[b] - more

    return Damage(f"{a} and {b} mixed up", change, SHARES)


def swapped(a: str, b: str) -> Damage:
    """Two inputs, or two outputs, change places in a share of the samples."""

    def change(arrays: dict[str, Array], size: float, rng: Rng) -> None:
        count = len(arrays[a])
        rows = rng.permutation(count)[: round(size * count)]
        kept = arrays[a][rows].copy()
        arrays[a][rows] = arrays[b][rows]
        arrays[b][rows] = kept

    return Damage(f"{a} and {b} swapped", change, SHARES)


def _weights(net: nn.Module) -> list[torch.Tensor]:
    """Of all layers, no biases."""
    return [p.data for p in net.parameters() if p.ndim > 1]
