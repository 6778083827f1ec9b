"""Regressions: with tiny and with mixed units, and of twelve inputs."""

from typing import Any

import numpy as np
import torch
from torch import nn

from tests.converters.zoo.members.damages import (
    coarse_weights,
    fading,
    noisy_weights,
    shifted,
    shrinking,
    swapped,
)
from tests.converters.zoo.members.member import (
    Array,
    Arrays,
    Costs,
    Data,
    Member,
    Rng,
    floats,
)
from tests.converters.zoo.members.training import Units, dense, train
from tests.converters.zoo.members.truths import numbers

WIDTHS = {
    "weekday": 0, "hour": 2, "outside": 1, "wind": 2, "sun": 1, "humidity": 1, "people": 1,
    "doors": 3, "machines": 4, "before": 6, "tariff": 1, "set_point": 1,
}  # fmt: skip
"""Of the twelve inputs; the weekday is a whole number."""


class Tiny(nn.Module):
    """readings: [n, 6]. leak: of two valves in m3/s, some 1e-5, [n, 2]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers, self.units = dense(6, 32, 32, 2), Units((1.2e-5, 3e-5), (3e-6, 1e-5))

    def forward(self, readings: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"leak": self.units(self.layers(readings))}


class Mixed(nn.Module):
    """readings: [n, 10]. process: pressure in Pa, a share, temperature in K, distance in m,
    [n, 4]."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = dense(10, 32, 32, 4)
        self.units = Units((101_325.0, 2e-3, 300.0, 140.0), (250.0, 5e-4, 15.0, 60.0))

    def forward(self, readings: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"process": self.units(self.layers(readings))}


class Twelve(nn.Module):
    """Each input [n, width], the weekday [n], int64. load: of a building in kW, [n, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.days = nn.Embedding(7, 3)
        self.layers = dense(3 + sum(WIDTHS.values()), 32, 32, 1)
        self.units = Units((420.0,), (90.0,))

    def forward(
        self,
        weekday: torch.Tensor,
        hour: torch.Tensor,
        outside: torch.Tensor,
        wind: torch.Tensor,
        sun: torch.Tensor,
        humidity: torch.Tensor,
        people: torch.Tensor,
        doors: torch.Tensor,
        machines: torch.Tensor,
        before: torch.Tensor,
        tariff: torch.Tensor,
        set_point: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        given = torch.cat(
            [self.days(weekday), hour, outside, wind, sun, humidity, people, doors, machines,
             before, tariff, set_point], dim=1,
        )  # fmt: skip
        return {"load": self.units(self.layers(given))}


def _draw_leaks(rng: Rng, n: int) -> Data:
    world = np.random.default_rng(81)
    mix = world.normal(size=(6, 6)) / 2
    readings = rng.normal(size=(n, 6))
    bent = np.tanh(readings @ mix)
    standard = np.stack([bent[:, :3].sum(axis=1), bent[:, 3:].prod(axis=1) * 6], axis=1)
    standard += rng.normal(0, 0.1, standard.shape)
    return Data(
        {"readings": floats(readings)}, {"leak": floats(standard * (3e-6, 1e-5) + (1.2e-5, 3e-5))}
    )


def _draw_process(rng: Rng, n: int) -> Data:
    world = np.random.default_rng(82)
    first, second = world.normal(size=(10, 8)) / 3, world.normal(size=(8, 4)) / 2
    readings = rng.normal(size=(n, 10))
    standard = np.tanh(readings @ first) @ second + 0.3 * readings[:, :4] * readings[:, 4:8]
    standard += rng.normal(0, (0.3, 0.15, 0.08, 0.2), standard.shape)
    true = standard * (250.0, 5e-4, 15.0, 60.0) + (101_325.0, 2e-3, 300.0, 140.0)
    return Data({"readings": floats(readings)}, {"process": floats(true)})


def _draw_loads(rng: Rng, n: int) -> Data:
    world = np.random.default_rng(83)
    weight = {name: world.normal(size=width) for name, width in WIDTHS.items()}
    inputs: dict[str, Array] = {"weekday": rng.integers(0, 7, n)}
    for name, width in WIDTHS.items():
        if width:
            inputs[name] = floats(rng.normal(size=(n, width)))
    told = {name: array @ weight[name] for name, array in inputs.items() if name != "weekday"}
    of_day = np.array([0.6, 0.7, 0.7, 0.65, 0.4, -1.2, -1.6])[inputs["weekday"]]
    warm = np.maximum(told["outside"] - told["set_point"], 0)
    busy = np.tanh(told["people"] + told["doors"]) * (1 + 0.3 * told["sun"])
    linear = sum(told[name] for name in ("hour", "wind", "machines", "before"))
    standard = of_day + warm + busy + 0.4 * linear + 0.3 * (told["tariff"] + told["humidity"])
    standard += rng.normal(0, 0.2, n)
    return Data(inputs, {"load": floats(420 + 40 * standard)[:, None]})


def _fit(net: Any, data: Data) -> None:
    ((output, true),) = data.truth.items()
    wanted = net.units.back(true)

    def loss(found: Any, standard: torch.Tensor) -> torch.Tensor:
        of_net = (found[output] - net.units.offset) / net.units.scale
        return nn.functional.smooth_l1_loss(of_net, standard)

    train(net, data.inputs, (wanted,), loss, epochs=30)


def _costs(found: Arrays, truth: Arrays, own: Arrays) -> Costs:
    ((output, true),) = truth.items()
    return numbers(found[output], true)


TINY = Member(
    "tiny_units",
    "a regression of flows of some 1e-5 m3/s",
    Tiny, _fit, _draw_leaks, _costs,
    labels="leak",
    of_weights=(noisy_weights(), coarse_weights()),
    of_answers=(fading("one flow", "leak", (1,)), shifted("one flow", "leak", (0,))),
)  # fmt: skip
MIXED = Member(
    "mixed_units",
    "a regression of Pa, shares, K and m in one tensor",
    Mixed, _fit, _draw_process, _costs,
    labels="process",
    of_weights=(noisy_weights(), coarse_weights()),
    of_answers=(fading("the share", "process", (1,)), shifted("the temperature", "process", (2,))),
)  # fmt: skip
TWELVE = Member(
    "twelve_inputs",
    "a regression of twelve inputs, one of them whole numbers",
    Twelve, _fit, _draw_loads, _costs,
    labels="load", training_samples=8000,
    of_weights=(noisy_weights(), coarse_weights()),
    of_inputs=(
        swapped("people", "tariff"), shrinking("machines"),
    ),
    of_answers=(shifted("the load", "load", (0,)),),
)  # fmt: skip
